-- The shared tables stay: they belong to every service, whoever made them.
SELECT 1;

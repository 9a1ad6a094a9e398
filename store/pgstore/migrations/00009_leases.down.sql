-- Fences begin at 1 again when this is applied anew. No service may use the library meanwhile.

SET LOCAL lock_timeout = '200ms';

DROP TABLE trading.leases;

-- The newest checkpoint of each profile stays.

SET LOCAL lock_timeout = '200ms';

LOCK TABLE trading.journal_checkpoints IN ACCESS EXCLUSIVE MODE;

DELETE FROM trading.journal_checkpoints old USING trading.journal_checkpoints newer
	WHERE newer.profile_id = old.profile_id AND (newer.seq, newer.slot) > (old.seq, old.slot);

ALTER TABLE trading.journal_checkpoints
	DROP CONSTRAINT journal_checkpoints_pkey,
	DROP COLUMN slot,
	ADD CONSTRAINT journal_checkpoints_pkey PRIMARY KEY (profile_id);

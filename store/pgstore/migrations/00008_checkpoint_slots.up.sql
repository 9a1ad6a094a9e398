-- Several folded books of a profile, so that what comes late need not be folded from the beginning.
-- A checkpoint replaces an older one of its slot.

-- Whoever works on the table must not wait behind this: it gives up soon, and is tried again.
SET LOCAL lock_timeout = '200ms';

-- The table has one row for each profile, so that its index is made in no time.
ALTER TABLE trading.journal_checkpoints
	ADD COLUMN IF NOT EXISTS slot integer NOT NULL DEFAULT 0,
	DROP CONSTRAINT IF EXISTS journal_checkpoints_pkey,
	ADD CONSTRAINT journal_checkpoints_pkey PRIMARY KEY (profile_id, slot);

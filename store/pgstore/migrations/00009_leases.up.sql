-- Who alone may do what, and until when by the clock of the server. A row stays when its lease has
-- ended, because the fence never falls: whoever takes the lease anew has a higher one.

SET LOCAL lock_timeout = '200ms';

CREATE TABLE trading.leases (
	name varchar(100) COLLATE "C" PRIMARY KEY,
	holder varchar(100) COLLATE "C" NOT NULL,
	fence bigint NOT NULL,
	ends_at timestamptz NOT NULL           -- '-infinity' when the holder ended the lease
) WITH (fillfactor = 50);

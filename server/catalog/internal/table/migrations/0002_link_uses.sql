-- The number of uses of signed links with a use limit. A row can be removed once its
-- link has expired.
CREATE TABLE {schema}link_uses (
	id      {text} NOT NULL PRIMARY KEY,
	uses    {int64} NOT NULL CHECK (uses > 0),
	expires {int64} NOT NULL
) {strict};

CREATE INDEX link_uses_expires ON {schema}link_uses (expires);

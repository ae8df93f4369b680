-- How often signed links were used that are good for so many uses. A row is of no
-- use once its link has expired.
CREATE TABLE {schema}link_uses (
	id      {text} NOT NULL PRIMARY KEY,
	uses    {int64} NOT NULL CHECK (uses > 0),
	expires {int64} NOT NULL
) {strict};

CREATE INDEX link_uses_expires ON {schema}link_uses (expires);

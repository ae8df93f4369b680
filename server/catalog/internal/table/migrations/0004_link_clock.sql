-- The latest time at which links were checked, in microseconds since 1970, in at most
-- one row. A clock that is set back must not revive links that had expired by then, nor
-- links whose use counts were removed.
CREATE TABLE {schema}link_clock (
	id     {int64} NOT NULL PRIMARY KEY CHECK (id = 1),
	latest {int64} NOT NULL
) {strict};

-- The latest time by which links were judged, in microseconds since 1970, in at most one
-- row. A clock that goes back makes no link good again that had ended by then, nor one
-- whose uses were cleared.
CREATE TABLE {schema}link_clock (
	id     {int64} NOT NULL PRIMARY KEY CHECK (id = 1),
	latest {int64} NOT NULL
) {strict};

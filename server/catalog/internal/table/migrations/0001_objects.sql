-- Times are microseconds since 1970, UTC. instance is the instance that last worked on
-- the row. The hash and the size are set when the row becomes ready.
CREATE TABLE {schema}objects (
	id       {text} NOT NULL PRIMARY KEY,
	name     {text} NOT NULL,
	type     {text} NOT NULL,
	size     {int64} NOT NULL DEFAULT 0 CHECK (size >= 0),
	sha256   {bytes} CHECK (length(sha256) = 32),
	owner    {text} NOT NULL,
	created  {int64} NOT NULL,
	touched  {int64} NOT NULL,
	state    {text} NOT NULL CHECK (state IN ('pending', 'ready', 'deleting')),
	instance {text} NOT NULL,
	CHECK (state <> 'ready' OR sha256 IS NOT NULL)
) {strict};

-- Finds the few stale rows among the many ready ones.
CREATE INDEX objects_left ON {schema}objects (id) WHERE state <> 'ready';

-- A row belongs to the source that has its object. Rows of earlier versions have the
-- source '', which belongs to no catalog until one takes them. A server of an earlier
-- version can no longer add rows. Changing the primary key requires a new table. That table
-- is stored in key order, so inserting a row is one change in the file instead of two.
CREATE TABLE objects_of_sources (
	source   {text} NOT NULL,
	id       {text} NOT NULL,
	name     {text} NOT NULL,
	type     {text} NOT NULL,
	size     {int64} NOT NULL DEFAULT 0 CHECK (size >= 0),
	sha256   {bytes} CHECK (length(sha256) = 32),
	owner    {text} NOT NULL,
	created  {int64} NOT NULL,
	touched  {int64} NOT NULL,
	state    {text} NOT NULL CHECK (state IN ('pending', 'ready', 'deleting')),
	instance {text} NOT NULL,
	PRIMARY KEY (source, id),
	CHECK (state <> 'ready' OR sha256 IS NOT NULL)
) {strict}, WITHOUT ROWID;

INSERT INTO objects_of_sources (source, id, name, type, size, sha256, owner, created, touched, state, instance)
	SELECT '', id, name, type, size, sha256, owner, created, touched, state, instance FROM objects ORDER BY id;

DROP TABLE objects;

ALTER TABLE objects_of_sources RENAME TO objects;

CREATE INDEX objects_left ON objects (source, id) WHERE state <> 'ready';

-- A row belongs to the source that has its object. Those of earlier versions did not
-- say which: '' is no source's, until one takes them. Whoever still runs an earlier
-- version cannot add any.
ALTER TABLE {schema}objects ADD COLUMN source {text} NOT NULL DEFAULT '';
ALTER TABLE {schema}objects ALTER COLUMN source DROP DEFAULT;

ALTER TABLE {schema}objects DROP CONSTRAINT objects_pkey;
ALTER TABLE {schema}objects ADD PRIMARY KEY (source, id);

DROP INDEX {schema}objects_left;
CREATE INDEX objects_left ON {schema}objects (source, id) WHERE state <> 'ready';

-- A row belongs to the source that has its object. Rows of earlier versions have the
-- source '', which belongs to no catalog until one takes them. A server of an earlier
-- version can no longer add rows.
ALTER TABLE {schema}objects ADD COLUMN source {text} NOT NULL DEFAULT '';
ALTER TABLE {schema}objects ALTER COLUMN source DROP DEFAULT;

ALTER TABLE {schema}objects DROP CONSTRAINT objects_pkey;
ALTER TABLE {schema}objects ADD PRIMARY KEY (source, id);

DROP INDEX {schema}objects_left;
CREATE INDEX objects_left ON {schema}objects (source, id) WHERE state <> 'ready';

-- Finds the newest objects of an owner among those of all owners.
CREATE INDEX objects_owned ON {schema}objects (source, owner, created, id) WHERE state = 'ready';

-- How many bytes the files have that a share has received.
ALTER TABLE {schema}shares ADD COLUMN received {int64} NOT NULL DEFAULT 0;

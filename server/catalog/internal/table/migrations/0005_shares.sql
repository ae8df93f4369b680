-- Shares: links that users give out. Only the hash of a link's token is stored. Times are
-- microseconds since 1970, UTC.
CREATE TABLE {schema}shares (
	id        {text} NOT NULL PRIMARY KEY,
	token     {bytes} NOT NULL UNIQUE CHECK (length(token) = 32),
	issuer    {text} NOT NULL CHECK (issuer <> ''),
	way       {text} NOT NULL,
	host      {text} NOT NULL,
	path      {text} NOT NULL,
	dir       {int64} NOT NULL,
	upload    {int64} NOT NULL,
	password  {text} NOT NULL,
	uses      {int64} NOT NULL CHECK (uses >= 0),
	used      {int64} NOT NULL DEFAULT 0,
	max_bytes {int64} NOT NULL CHECK (max_bytes >= 0),
	note      {text} NOT NULL,
	created   {int64} NOT NULL,
	expires   {int64} NOT NULL,
	CHECK (uses = 0 OR used <= uses)
) {strict};

-- An issuer's shares, latest first.
CREATE INDEX shares_issuer ON {schema}shares (issuer, created, id);
CREATE INDEX shares_created ON {schema}shares (created, id);
CREATE INDEX shares_expires ON {schema}shares (expires);

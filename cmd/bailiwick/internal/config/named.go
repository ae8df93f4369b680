package config

// Files returns the files that the configuration names for the server itself: users, keys,
// certificates, secrets and lists of names. Those that hold a catalog or the log, the logo of a
// page, which everyone can load, and directories are not among them.
func (c *Config) Files() []Path {
	var files []Path
	add := func(paths ...Path) {
		for _, path := range paths {
			if path != "" {
				files = append(files, path)
			}
		}
	}
	add(c.Users.Htpasswd, c.Users.Tokens)
	if cc := c.Users.ClientCertificates; cc != nil {
		add(cc.CA)
	}
	if s := c.Users.Sessions; s != nil {
		add(s.Keys)
	}
	if o := c.Users.OIDC; o != nil {
		add(o.ClientSecretFile)
	}
	if c.Links != nil {
		add(c.Links.Keys)
	}
	if c.TLS != nil {
		add(c.TLS.Cert, c.TLS.Key)
	}
	if c.Shares != nil {
		add(c.Shares.CatalogFile)
	}
	for i := range c.Mounts {
		m := &c.Mounts[i]
		add(m.AllowFile...)
		if m.Uploads != nil {
			add(m.Uploads.CatalogFile)
		}
	}
	return files
}

// Catalogs returns the catalogs of shares and of uploads. One whose address is in a file that
// cannot be read is not among them.
func (c *Config) Catalogs() []Catalog {
	var all []Catalog
	add := func(catalog Catalog, err error) {
		if err == nil {
			all = append(all, catalog)
		}
	}
	if c.Shares != nil {
		add(c.SharesCatalog())
	}
	for i := range c.Mounts {
		if m := &c.Mounts[i]; m.Uploads != nil {
			add(c.Catalog(m))
		}
	}
	return all
}

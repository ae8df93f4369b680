package daemon

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
)

var pageModes = map[string]server.PageMode{"full": server.PageFull, "plain": server.PagePlain, "off": server.PageOff}

// pageOf returns the page of a mount, without its logo.
func pageOf(cfg *config.Mount) server.Page {
	return server.Page{Mode: pageModes[cfg.Page], Title: string(cfg.PageTitle), Color: string(cfg.PageColor)}
}

// ownLook returns the look of the pages that belong to no mount: that of the first mount that
// has one.
func ownLook(cfg *config.Config) (title, color string) {
	for i := range cfg.Mounts {
		if m := &cfg.Mounts[i]; m.PageTitle != "" || m.PageColor != "" {
			return string(m.PageTitle), string(m.PageColor)
		}
	}
	return "", ""
}

// logoOf returns the logo on the page of a mount, nil for none.
func logoOf(cfg *config.Mount) ([]byte, error) {
	if cfg.PageLogo == "" {
		return nil, nil
	}
	logo, err := config.ReadLogo(string(cfg.PageLogo))
	if err != nil {
		return nil, cli.Usagef("cannot use %s as the logo: %s", cli.Printable(string(cfg.PageLogo)), cli.Cause(err))
	}
	return logo, nil
}

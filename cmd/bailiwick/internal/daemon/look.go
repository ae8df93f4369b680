package daemon

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
)

var pageModes = map[string]server.PageMode{"full": server.PageFull, "plain": server.PagePlain, "off": server.PageOff}

// pageOf returns the page of a mount, with its logo.
func pageOf(cfg *config.Mount) (server.Page, error) {
	p := server.Page{Mode: pageModes[cfg.Page], Title: string(cfg.PageTitle), Color: string(cfg.PageColor)}
	if cfg.PageLogo == "" {
		return p, nil
	}
	var err error
	if p.Logo, err = config.ReadLogo(string(cfg.PageLogo)); err != nil {
		return p, cli.Usagef("cannot use %s as the logo: %s", cli.Printable(string(cfg.PageLogo)), cli.Cause(err))
	}
	return p, nil
}

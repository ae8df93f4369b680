package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/server"
)

// listen opens the listeners, unless the service manager passed sockets.
func (s *service) listen(ctx context.Context, cfg *config.Config) (err error) {
	if cfg.Admin != "" {
		if s.adminAt, err = listen(ctx, s.env.Origin("admin"), string(cfg.Admin)); err != nil {
			return withPosition(cfg, "admin", err)
		}
		s.admin = newServer(s.adminHandler(), config.Limits{}, s.std.Err)
		s.admin.BaseContext = s.withListener
	}
	passed := len(s.sockets) > 0
	for i := 0; !passed && i < len(cfg.Listen); i++ {
		l, err := listen(ctx, s.env.Origin("listen"), string(cfg.Listen[i]))
		if err != nil {
			return withPosition(cfg, fmt.Sprintf("listen[%d]", i), err)
		}
		s.sockets = append(s.sockets, l)
	}
	s.sockets = bounded(s.sockets, cfg.Limits.Connections)
	for i, l := range s.sockets {
		s.sockets[i] = server.NewListener(l)
	}
	return nil
}

// listen opens a listener. Its error says what to do instead; origin is where the address was
// configured.
func listen(ctx context.Context, origin, addr string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	var unknown *net.DNSError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, cli.Failf("%s is in use by another program; choose another address (%s), or port 0 for a free one", addr, origin)
	case errors.Is(err, os.ErrPermission):
		return nil, cli.Failf("%s needs more rights than this user has; choose a port above 1023 (%s)", addr, origin)
	case errors.As(err, &unknown):
		return nil, cli.Usagef("%s: there is no host %s; write an IP address of this machine", origin, cli.Printable(unknown.Name))
	}
	return nil, cli.Failf("cannot listen on %s: %s; choose another address (%s)", addr, cli.Cause(err), origin)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A launcher starts a server. Each call starts another process of it.
type launcher func() (*process, error)

// serve returns the launcher of bailiwick serve with these arguments and environment.
func (b *bench) serve(ctx context.Context, name string, env []string, args ...string) launcher {
	return func() (*process, error) {
		cmd := exec.Command(b.bailiwick, append([]string{"serve", "--listen", "127.0.0.1:0", "--access-log", "off"}, args...)...)
		cmd.Env = env
		return start(ctx, name, "", cmd)
	}
}

func childLauncher(ctx context.Context, name, kind string, arg any) launcher {
	return func() (*process, error) {
		cmd, err := childCommand(kind, arg)
		if err != nil {
			return nil, err
		}
		return start(ctx, name, "", cmd)
	}
}

// nginx returns the launcher of an nginx with directives for its http and server blocks.
func (b *bench) nginx(ctx context.Context, tool program, name, http, directives string) launcher {
	return func() (*process, error) {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		dir, err := os.MkdirTemp(b.dir, "nginx-")
		if err != nil {
			return nil, err
		}
		user := ""
		if os.Getuid() == 0 {
			user = "user root;"
		}
		config := strings.NewReplacer("DIR", dir, "ADDR", addr, "USER", user, "HTTP", http, "SERVER", directives).Replace(nginxConfig)
		file := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			return nil, err
		}
		return start(ctx, name, addr, exec.Command(tool.path, "-p", dir, "-c", file))
	}
}

const nginxConfig = `
USER
daemon off; worker_processes auto; pid DIR/pid; error_log DIR/error.log crit;
events { worker_connections 1024; }
http {
  types { text/plain txt; application/octet-stream bin; }
  sendfile on; tcp_nopush on; keepalive_requests 1000000000; access_log off;
  client_max_body_size 0;
  client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f;
  uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  HTTP
  server { listen ADDR; SERVER }
}
`

// caddy returns the launcher of caddy file-server.
func (b *bench) caddy(ctx context.Context, tool program, root string) launcher {
	return func() (*process, error) {
		addr, err := freeAddr()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(tool.path, "file-server", "--root", root, "--listen", addr)
		cmd.Env = append(os.Environ(), "HOME="+b.dir, "XDG_CONFIG_HOME="+b.dir, "XDG_DATA_HOME="+b.dir)
		return start(ctx, "Caddy", addr, cmd)
	}
}

// startAll starts a process of each launcher. The caller must call stop, also on an error.
func startAll(launchers []launcher) (list []*process, stop func(), err error) {
	stop = func() {
		for _, p := range list {
			p.stop()
		}
	}
	for _, l := range launchers {
		p, err := l()
		if err != nil {
			return list, stop, err
		}
		list = append(list, p)
	}
	return list, stop, nil
}

// turns returns the indexes of n programs in the order of round i, which is reversed in
// every other one, so that no program always follows the same other one.
func turns(n, i int) []int {
	order := make([]int, n)
	for k := range order {
		order[k] = k
	}
	if i%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// required finds a program without which nothing can be measured.
func required(ctx context.Context, name, get string) (program, error) {
	p := find(ctx, name, get)
	if p.path == "" {
		return p, errors.New(name + " is missing. " + get)
	}
	return p, nil
}

// versions prints the programs that are compared.
func versions(list ...program) {
	var found []string
	for _, p := range list {
		if p.path != "" {
			found = append(found, p.version)
		}
	}
	if len(found) > 0 {
		fmt.Printf("Compared with %s.\n\n", strings.Join(found, ", "))
	}
}

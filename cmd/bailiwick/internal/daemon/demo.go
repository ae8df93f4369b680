package daemon

import (
	"context"
	"os"

	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/cli"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/tempdir"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// A Demo is a server that brings its own configuration and files, and forgets everything at
// its end.
type Demo struct {
	// Configure writes a configuration, and the files that it names, to a directory that
	// only this user can read and that is removed at the end. It returns the path of the
	// configuration.
	Configure func(dir string) (file string, err error)

	// Fill stores what the source mem: has before the first request.
	Fill func(ctx context.Context, memory vfs.Backend) error

	// Started is called with the server's URL once it accepts connections.
	Started func(url string)
}

// ServeDemo is Serve for a Demo. It announces only its listeners.
func ServeDemo(ctx context.Context, std cli.Streams, env *cli.Env, demo Demo, given []config.Given) error {
	return serve(ctx, std, env, program{given: given, demo: &demo})
}

// configure sets the configuration of p to that of the demo. The caller calls remove at the
// end. A process that is killed leaves its files in the temporary directory of the process,
// which the next start removes, or, on a system without one, where they are.
func (d *Demo) configure(temp *tempdir.Dir, p *program) (remove func(), err error) {
	dir, err := os.MkdirTemp(temp.Path(), "bailiwick-demo-")
	if err != nil {
		return nil, cli.Failf("cannot make a temporary directory: %s", cli.Cause(err))
	}
	remove = func() { os.RemoveAll(dir) }
	if p.file, err = d.Configure(dir); err != nil {
		remove()
		return nil, cli.Failf("cannot write the configuration of the demo: %s", cli.Cause(err))
	}
	return remove, nil
}

// fill stores the files of the demo in the memory that g serves.
func (d *Demo) fill(ctx context.Context, g *generation) error {
	for _, m := range g.mounts {
		for i, layer := range m.layers {
			if m.cfg.Layers()[i] != "mem:" {
				continue
			}
			// All mounts of mem: share it.
			if err := d.Fill(ctx, layer.source); err != nil {
				return cli.Failf("cannot store the files of the demo: %s", cli.Cause(err))
			}
			return nil
		}
	}
	return nil
}

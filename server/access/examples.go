package access

import (
	"context"
	"iter"
	"slices"

	"github.com/bailiwick-fs/bailiwick/server/auth"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Examples yields made-up names directly in dir, for the patterns of the rules of a by which the
// principal of ctx may do op, as [vfs.Jail.Examples] does for those of a policy. There are none
// for rules about all names, and none if a is neither a List nor the Shared of one.
func Examples(ctx context.Context, a vfs.Authorizer, op vfs.Op, dir vfs.Name) iter.Seq[vfs.Name] {
	return func(yield func(vfs.Name) bool) {
		if s, ok := a.(shared); ok {
			a = s.base
		}
		l, ok := a.(*List)
		if !ok || l == nil {
			return
		}
		p := auth.FromContext(ctx)
		for _, list := range [...][]int{l.others, l.users[p.Name]} {
			for _, i := range list {
				r := l.rules[i]
				if !slices.Contains(r.src.Can, op) || !l.means(r, p, nil) {
					continue
				}
				if m := r.matcher(p); m != nil {
					for n := range m.Examples(dir) {
						if !yield(n) {
							return
						}
					}
				}
			}
		}
	}
}

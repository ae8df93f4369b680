package review

import (
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/config"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// caches warns of caches that have no use, and of those that do not see what clients write.
func (r *reviewer) caches() {
	var survey overlap.Survey
	for i := range r.cfg.Mounts {
		m, key := &r.cfg.Mounts[i], item("mounts", i)+".cache"
		for j, source := range m.Layers() {
			c := m.LayerCache(j)
			if c == nil {
				continue
			}
			if dir, ok := source.Local(); ok && isLocal(dir) {
				r.warn(key, "the source is on a local disk, which the system caches in memory, so the cache only takes space; leave it out")
			}
			if c.TTL == 0 {
				continue
			}
			for k := range r.cfg.Mounts {
				other := &r.cfg.Mounts[k]
				if i == k || !other.Write || source == other.Layers()[0] && other.LayerCache(0) != nil {
					continue // it writes nothing, or through the same cache
				}
				if survey.Locate(string(source)).Overlaps(survey.Locate(string(other.Layers()[0]))) {
					r.warn(key+".ttl", "clients can write to the same files through the mount at %s, which does not use this cache: it shows such changes only after %s; give both mounts the same source and cache, or leave ttl out",
						r.cfg.At(item("mounts", k)), config.ShowDuration(c.TTL))
				}
			}
		}
	}
}

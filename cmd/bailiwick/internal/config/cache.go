package config

import (
	"path/filepath"

	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// caches validates the caches of mounts, also against each other and against everything
// that is served. It compares directories by identity, like content.
func (v *validator) caches() {
	var survey overlap.Survey
	for i := range v.Mounts {
		m, key := &v.Mounts[i], index("mounts", i)+".cache"
		if m.Cache == nil || v.d.bad[index("mounts", i)] || v.d.bad[key] {
			continue
		}
		if m.Source == "mem:" {
			v.fail(key, "the source is in memory already; leave the cache out")
			continue
		}
		if m.Cache.Size < cache.MinSize && v.there(key+".size") {
			v.fail(key+".size", "it is too small to be of use; write %s or more", Size(cache.MinSize))
		}
		if m.Cache.Dir == "" {
			continue
		}
		dir := m.Cache.locate(&survey)
		for j := range v.Mounts {
			if v.besideSource(&v.Mounts[j], j, dir, survey.Locate(string(v.Mounts[j].Source)), key+".dir") {
				break
			}
		}
		for j := range v.Mounts[:i] {
			if v.besideCache(m, &v.Mounts[j], j, dir, &survey, key) {
				break
			}
		}
	}
}

// locate returns the place of the cache's directory. A flag may give it by any relative
// path.
func (c *Cache) locate(survey *overlap.Survey) *overlap.Place {
	path, err := filepath.Abs(string(c.Dir))
	if err != nil {
		path = string(c.Dir)
	}
	return survey.Locate(path)
}

// besideSource refuses a cache in a directory that the j-th mount serves, or around one.
func (v *validator) besideSource(m *Mount, j int, dir, source *overlap.Place, key string) (failed bool) {
	if m.Source == "" || !dir.Overlaps(source) {
		return false
	}
	how := "contains"
	if _, inside := dir.Below(source); inside {
		how = "is inside"
	}
	v.fail(key, "it %s %s, the source of the mount at %s; name a directory of its own, which no mount serves, even in part", how, printable(string(m.Source)), v.positionOf(index("mounts", j)))
	return true
}

// besideCache refuses a cache that shares its directory with that of the j-th mount. Only
// mounts of one source share a cache, and they have to: otherwise one would not see what is
// written through the other.
func (v *validator) besideCache(m, other *Mount, j int, dir *overlap.Place, survey *overlap.Survey, key string) (failed bool) {
	if other.Cache == nil || other.Cache.Dir == "" {
		return false
	}
	at := v.positionOf(index("mounts", j))
	if m.Source == other.Source {
		if *m.Cache != *other.Cache || m.HardLinks != other.HardLinks {
			v.fail(key, "the mount at %s has the same source, and mounts of one source share a cache; write the same cache and hard_links in both", at)
			return true
		}
		return false
	}
	if dir.Overlaps(other.Cache.locate(survey)) {
		v.fail(key+".dir", "it overlaps with the cache of the mount at %s, which has another source; each source needs a directory of its own", at)
		return true
	}
	return false
}

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"

	"github.com/bailiwick-fs/bailiwick/backends"
	"github.com/bailiwick-fs/bailiwick/backends/layer/cache"
	"github.com/bailiwick-fs/bailiwick/cmd/bailiwick/internal/overlap"
)

// caches validates the caches of mounts, also against each other and against everything
// that is served. It compares directories by identity, like content.
func (v *validator) caches() {
	for i := range v.Mounts {
		m, key := &v.Mounts[i], index("mounts", i)+".cache"
		if m.Cache == nil || v.d.bad[index("mounts", i)] || v.d.bad[key] {
			continue
		}
		switch {
		case m.Source == "mem:":
			v.fail(key, "the source is in memory already; leave the cache out")
			continue
		case m.Source == "" && m.complete() && !slices.ContainsFunc(m.Layers(), Source.remote):
			v.fail(key, "of several sources, only those on S3 are cached, and there is none; leave the cache out")
			continue
		}
		if m.Cache.Size < cache.MinSize && v.there(key+".size") {
			v.fail(key+".size", "it is too small to be of use; write %s or more", Size(cache.MinSize))
		}
		if m.Cache.Dir == "" || !m.complete() {
			continue
		}
		dir := m.Cache.locate(&v.survey)
		for j := range v.Mounts {
			if v.besideSources(&v.Mounts[j], dir, key+".dir") {
				break
			}
		}
		for j := range v.Mounts[:i] {
			if v.besideCaches(m, &v.Mounts[j], j, key) {
				break
			}
		}
	}
}

// LayerCache returns the cache in front of Layers()[i], nil if there is none. Of several
// sources, each one on S3 has a cache in a directory of its own in that of the mount: its
// name depends on the source alone, so that mounts with the same one share it.
func (m *Mount) LayerCache(i int) *Cache {
	if m.Cache == nil || m.Source != "" {
		return m.Cache
	}
	source := m.Sources[i]
	if !source.remote() {
		return nil
	}
	label, err := backends.Label(string(source))
	if err != nil {
		label = string(source) // the source is invalid, and cannot be opened
	}
	sum := sha256.Sum256([]byte(label))
	own := *m.Cache
	own.Dir = Path(filepath.Join(string(m.Cache.Dir), hex.EncodeToString(sum[:8])))
	return &own
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

// besideSources refuses a cache in a directory that the mount m serves, or around one.
func (v *validator) besideSources(m *Mount, dir *overlap.Place, key string) (failed bool) {
	for _, source := range m.Layers() {
		place := v.survey.Locate(string(source))
		if source == "" || !dir.Overlaps(place) {
			continue
		}
		how := "contains"
		if _, inside := dir.Below(place); inside {
			how = "is inside"
		}
		v.fail(key, "it %s %s, which is served; name a directory of its own, of which no mount serves any part", how, printable(string(source)))
		return true
	}
	return false
}

// besideCaches refuses the caches of m if one shares its directory with that of another
// source of the j-th mount. Only mounts of one source share a cache, and they have to:
// otherwise one would not see what is written through the other.
func (v *validator) besideCaches(m, other *Mount, j int, key string) (failed bool) {
	if other.Cache == nil || other.Cache.Dir == "" {
		return false
	}
	for a := range m.Layers() {
		for b := range other.Layers() {
			if v.besideCache(m, other, a, b, v.positionOf(index("mounts", j)), key) {
				return true
			}
		}
	}
	return false
}

func (v *validator) besideCache(m, other *Mount, a, b int, at position, key string) (failed bool) {
	source, own, others := m.Layers()[a], m.LayerCache(a), other.LayerCache(b)
	switch {
	case own == nil, others == nil:
		return false
	case source != other.Layers()[b]:
		if !own.locate(&v.survey).Overlaps(others.locate(&v.survey)) {
			return false
		}
		v.fail(key+".dir", "it overlaps with the cache of the mount at %s, which has another source; each source needs a directory of its own", at)
	case (m.Source == "") != (other.Source == ""):
		v.fail(key, "the mount at %s has the same source, and mounts of one source share a cache; write sources in both, or source", at)
	case *own == *others && (source.remote() || m.HardLinks == other.HardLinks):
		return false
	default:
		v.fail(key, "the mount at %s has the same source, and mounts of one source share a cache; write the same cache and hard_links in both", at)
	}
	return true
}

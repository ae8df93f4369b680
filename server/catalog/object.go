package catalog

import (
	"github.com/google/uuid"

	"github.com/bailiwick-fs/bailiwick/vfs"
)

// Policy returns the policy for a source of server-named objects: it allows exactly the
// names that [ObjectName] generates.
func Policy() vfs.Policy {
	return vfs.Policy{Allow: vfs.Patterns("re:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")}
}

// ObjectName returns the name of a record's object. It contains nothing that a user
// sent.
func ObjectName(id uuid.UUID) vfs.Name {
	n, err := vfs.ParseName(id.String())
	if err != nil {
		panic("catalog: a UUID is not a valid name: " + err.Error())
	}
	return n
}

// ObjectID returns the ID of the record that the object called name belongs to. It
// reports false for names that ObjectName does not generate for a random UUID: other
// versions, and other spellings, which would give one object two names.
func ObjectID(name string) (id uuid.UUID, ok bool) {
	id, err := uuid.Parse(name)
	ok = err == nil && id.String() == name && id.Version() == 4 && id.Variant() == uuid.RFC4122
	return id, ok
}

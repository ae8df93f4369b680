package vfs

type Name struct{ s string }

func ParseName(string) (Name, error) { return Name{}, nil }
func (n Name) String() string        { return n.s }

type SafeNameOptions struct{}

func SafeName(string, SafeNameOptions) Name { return Name{} }

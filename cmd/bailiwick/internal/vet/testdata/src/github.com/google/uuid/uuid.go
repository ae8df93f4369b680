package uuid

type UUID [16]byte

func Parse(string) (UUID, error) { return UUID{}, nil }
func (UUID) String() string      { return "" }

package afero

type Fs interface{ Name() string }

type HttpFs struct{}

func NewOsFs() Fs                 { return nil }
func NewMemMapFs() Fs             { return nil }
func NewBasePathFs(Fs, string) Fs { return nil }
func NewHttpFs(Fs) *HttpFs        { return nil }

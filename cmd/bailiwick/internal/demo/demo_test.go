package demo

import (
	"bytes"
	"image"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bailiwick-fs/bailiwick/backends/mem"
	"github.com/bailiwick-fs/bailiwick/vfs"
)

func TestFill(t *testing.T) {
	memory := mem.New()
	if err := Fill(t.Context(), memory); err != nil {
		t.Fatal(err)
	}
	jail, err := vfs.New(memory, vfs.Policy{Allow: vfs.Patterns("**")})
	if err != nil {
		t.Fatal(err)
	}
	for name, format := range map[string]string{"Pictures/Morning.png": "png", "Pictures/Evening.jpg": "jpeg", "Pictures/Orbit.gif": "gif"} {
		data, err := jail.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := image.Decode(bytes.NewReader(data)); got != format || err != nil {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
	entries, err := jail.ReadDir("Many")
	if err != nil || len(entries) != 300 {
		t.Errorf("Many has %d entries: %v", len(entries), err)
	}
}

// The addresses in a PDF's table have to be those of its objects.
func TestReport(t *testing.T) {
	pdf := report()
	for i, line := range slices.Collect(strings.Lines(pdf[strings.Index(pdf, "xref\n"):]))[3:8] {
		at := 0
		for _, digit := range line[:10] {
			at = 10*at + int(digit-'0')
		}
		if want := string(rune('1'+i)) + " 0 obj\n"; !strings.HasPrefix(pdf[at:], want) {
			t.Errorf("object %d is not at %d", i+1, at)
		}
	}
}

// A player trusts the lengths in the header of a WAV.
func TestChime(t *testing.T) {
	wav := []byte(chime())
	r := bytes.NewReader(wav[40:44])
	n, _ := io.ReadAll(r)
	if size := int(n[0]) | int(n[1])<<8 | int(n[2])<<16; 44+size != len(wav) {
		t.Errorf("the header says %d samples of %d", size, len(wav)-44)
	}
}

package formdata_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"testing"

	"github.com/bailiwick-fs/bailiwick/server/internal/formdata"
)

// FuzzReader checks that bodies written by mime/multipart are read back unchanged, even if
// parts are skipped, and that no body makes the Reader panic, loop or return extra bytes.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"", "x", "\r\n", "\r\n--b", "\r\n--b--", "--b\r\n", "\r\n--bb\r\n", "a\r\n--b x", "\r", "\n--b\r\n\r\n"} {
		f.Add([]byte(s), []byte("--b\r\n\r\n"+s+"\r\n--b--"))
	}
	f.Add([]byte("x"), []byte("--b\r\nContent-Disposition: a\r\nContent-Disposition: b\r\n\r\n\r\n--b--"))
	f.Fuzz(func(t *testing.T, content, raw []byte) {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		for _, name := range []string{"first", "second"} {
			part, err := w.CreateFormFile(name, "a.txt")
			if err != nil {
				t.Fatal(err)
			}
			part.Write(content)
		}
		w.Close()
		if !bytes.Contains(content, []byte(w.Boundary())) && len(content) <= 16<<10 {
			r, err := formdata.NewReader(&form, w.Boundary())
			for i := 0; err == nil && i < 2; i++ {
				var p formdata.Part
				if p, err = r.Next(); err != nil || p.Disposition == "" || p.IsCoded() {
					t.Fatalf("part %d: %+v, %v", i, p, err)
				}
				if i == 1 { // the first one is skipped
					var got []byte
					if got, err = io.ReadAll(r); err == nil && !bytes.Equal(got, content) {
						t.Fatalf("%q was read as %q", content, got)
					}
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Fatalf("after the last part: %v", err)
			}
		}

		r, err := formdata.NewReader(bytes.NewReader(raw), "b")
		total := 0
		for err == nil {
			if _, err = r.Next(); err == nil {
				n, copyErr := io.Copy(io.Discard, r)
				total += int(n)
				err = copyErr
			}
		}
		if err != io.EOF && !errors.Is(err, formdata.ErrMalformed) && !errors.Is(err, formdata.ErrTooLarge) {
			t.Errorf("%q: %v", raw, err)
		}
		if total > len(raw) {
			t.Errorf("%q has %d bytes of content", raw, total)
		}
	})
}

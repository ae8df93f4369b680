package demo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
)

// pictures returns pictures in the formats that Go can write, by name.
func pictures() (map[string]string, error) {
	var still, photo, moving bytes.Buffer
	if err := png.Encode(&still, landscape(640, 400, 0)); err != nil {
		return nil, err
	}
	if err := jpeg.Encode(&photo, landscape(960, 600, 0.55), &jpeg.Options{Quality: 80}); err != nil {
		return nil, err
	}
	if err := gif.EncodeAll(&moving, orbit(120, 24)); err != nil {
		return nil, err
	}
	return map[string]string{"Morning.png": still.String(), "Evening.jpg": photo.String(), "Orbit.gif": moving.String()}, nil
}

// landscape draws hills below a sky. The hour is 0 for morning and 1 for night.
func landscape(width, height int, hour float64) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		at := float64(x) / float64(width)
		far := 0.62 + 0.06*math.Sin(at*7) + 0.02*math.Sin(at*23)
		near := 0.78 + 0.08*math.Sin(at*4+2)
		for y := range height {
			down := float64(y) / float64(height)
			c := mix([3]float64{120, 180, 240}, [3]float64{255, 220, 190}, down/far)
			sun := math.Hypot((at-0.7)*float64(width), (down-0.35)*float64(height)) / float64(height)
			switch {
			case down > near:
				c = mix([3]float64{40, 90, 60}, [3]float64{20, 60, 40}, (down-near)/(1-near))
			case down > far:
				c = [3]float64{80, 125, 130}
			case sun < 0.08:
				c = [3]float64{255, 245, 200}
			}
			c = mix(c, [3]float64{70, 30, 70}, hour)
			img.SetRGBA(x, y, color.RGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 255})
		}
	}
	return img
}

// mix returns a color between a (at 0) and b (at 1).
func mix(a, b [3]float64, at float64) (c [3]float64) {
	at = min(1, max(0, at))
	for i := range c {
		c[i] = a[i] + (b[i]-a[i])*at
	}
	return c
}

// orbit draws a disc that circles around another one.
func orbit(size, frames int) *gif.GIF {
	palette := color.Palette{color.RGBA{15, 20, 40, 255}, color.RGBA{250, 210, 120, 255}, color.RGBA{140, 180, 250, 255}}
	g := &gif.GIF{}
	for f := range frames {
		img := image.NewPaletted(image.Rect(0, 0, size, size), palette)
		sin, cos := math.Sincos(2 * math.Pi * float64(f) / float64(frames))
		middle := float64(size) / 2
		for y := range size {
			for x := range size {
				dx, dy := float64(x)-middle, float64(y)-middle
				switch {
				case math.Hypot(dx, dy) < middle/4:
					img.SetColorIndex(x, y, 1)
				case math.Hypot(dx-cos*middle*0.7, dy-sin*middle*0.7) < middle/9:
					img.SetColorIndex(x, y, 2)
				}
			}
		}
		g.Image, g.Delay = append(g.Image, img), append(g.Delay, 5)
	}
	return g
}

// chime returns two seconds of three tones that fade, as a WAV of 8-bit samples.
func chime() string {
	const rate, seconds = 11025, 2
	samples := make([]byte, rate*seconds)
	for i := range samples {
		t := float64(i) / rate
		sum := 0.0
		for k, hertz := range []float64{523.25, 659.25, 783.99} {
			if since := t - 0.25*float64(k); since > 0 {
				sum += math.Sin(2*math.Pi*hertz*since) * math.Exp(-3*since)
			}
		}
		samples[i] = uint8(128 + 40*sum)
	}
	var b bytes.Buffer
	le := binary.LittleEndian
	header := func(id string, n uint32) { b.WriteString(id); b.Write(le.AppendUint32(nil, n)) }
	header("RIFF", uint32(36+len(samples)))
	b.WriteString("WAVE")
	header("fmt ", 16)
	for _, v := range []uint16{1, 1, rate, 0, rate, 0, 1, 8} { // PCM, mono; rates have 32 bits
		b.Write(le.AppendUint16(nil, v))
	}
	header("data", uint32(len(samples)))
	b.Write(samples)
	return b.String()
}

// report returns a PDF of one page.
func report() string {
	const text = `BT /F 28 Tf 72 720 Td (A report) Tj /F 14 Tf 0 -40 Td (This page is a PDF. The demo made it.) Tj ET
0.14 0.27 0.4 rg 72 560 60 80 re 152 560 60 50 re 232 560 60 95 re f`
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(text), text),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	table := "0000000000 65535 f \n"
	for i, object := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table, len(objects)+1, at)
	return b.String()
}

package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"net/http"
	"strconv"
)

// The backgrounds of page.css, and the colors of links on them unless the site has its own.
var (
	lightPaper, darkPaper = color.RGBA{R: 0xf4, G: 0xf6, B: 0xf8}, color.RGBA{R: 0x23, G: 0x28, B: 0x2f}
	defaultColor          = color.RGBA{R: 0x0b, G: 0x57, B: 0xd0}
)

// readable is the contrast that text must have (WCAG 2.2, 1.4.3).
const readable = 4.6

func parseColor(s string) (color.RGBA, error) {
	if len(s) == 7 && s[0] == '#' {
		if n, err := strconv.ParseUint(s[1:], 16, 32); err == nil {
			return color.RGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n)}, nil
		}
	}
	return color.RGBA{}, errors.New("it is not a color: write #rrggbb, such as #0b57d0")
}

// paletteOf returns the style rules for a color, in a shade that can be read on each
// background.
func paletteOf(s string) (string, error) {
	c := defaultColor
	if s != "" {
		var err error
		if c, err = parseColor(s); err != nil {
			return "", err
		}
	}
	light, dark := shade(c, lightPaper, 0), shade(c, darkPaper, 255)
	return fmt.Sprintf(":root{--accent:%s;--on-accent:%s}\n@media (prefers-color-scheme:dark){:root{--accent:%s;--on-accent:%s}}\n",
		hexOf(light), hexOf(inkOn(light)), hexOf(dark), hexOf(inkOn(dark))), nil
}

// shade moves c towards black or white until it can be read on paper.
func shade(c, paper color.RGBA, towards uint8) color.RGBA {
	mixed := c
	for i := 1; i <= 50 && contrast(mixed, paper) < readable; i++ {
		mix := func(v uint8) uint8 {
			return uint8(math.Round(float64(v) + (float64(towards)-float64(v))*float64(i)/50))
		}
		mixed = color.RGBA{R: mix(c.R), G: mix(c.G), B: mix(c.B)}
	}
	return mixed
}

// inkOn returns the color of text on c: black or white has enough contrast with any color.
func inkOn(c color.RGBA) color.RGBA {
	white, black := color.RGBA{R: 255, G: 255, B: 255}, color.RGBA{}
	if contrast(white, c) >= contrast(black, c) {
		return white
	}
	return black
}

func hexOf(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func contrast(a, b color.RGBA) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is the relative luminance of WCAG.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// MaxLogo bounds a logo, in bytes.
const MaxLogo = 256 << 10

// logoType returns the type of a logo by its content alone.
func logoType(b []byte) (ext, media string, err error) {
	if len(b) > MaxLogo {
		return "", "", fmt.Errorf("it has more than %d bytes, and every visitor would load it", MaxLogo)
	}
	switch media = http.DetectContentType(b); media {
	case "image/png":
		return ".png", media, nil
	case "image/jpeg":
		return ".jpg", media, nil
	case "image/gif":
		return ".gif", media, nil
	case "image/webp":
		return ".webp", media, nil
	}
	if isSVG(b) {
		return ".svg", "image/svg+xml", nil
	}
	return "", "", errors.New("it is not an image that a page can show: take PNG, JPEG, GIF, WebP or SVG")
}

// isSVG reports whether b is an XML document whose root is an svg element.
func isSVG(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	root := false
	for {
		t, err := d.Token()
		if err != nil {
			return root && err == io.EOF
		}
		if e, ok := t.(xml.StartElement); ok && !root {
			if e.Name.Local != "svg" {
				return false
			}
			root = true
		}
	}
}

package server

import "strings"

// typeOf returns the Content-Type of an object called base, as the value of a
// header. It comes from this table alone, and never from the contents, where
// whoever wrote them would choose it, nor from the host's own tables, which
// differ from machine to machine.
func typeOf(base string) []string {
	i := strings.LastIndexByte(base, '.')
	if i < 0 || len(base)-i > 16 {
		return octetStream
	}
	var lower [16]byte
	ext := lower[:0]
	for _, c := range []byte(base[i+1:]) {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		ext = append(ext, c)
	}
	if t, ok := types[string(ext)]; ok {
		return t
	}
	return octetStream
}

var octetStream = []string{"application/octet-stream"}

// isSVGZ reports whether base is an SVG that is stored compressed, which no
// browser shows without being told.
func isSVGZ(base string) bool {
	i := len(base) - len(".svgz")
	return i >= 0 && strings.EqualFold(base[i:], ".svgz")
}

// showsInline reports whether a browser may show content of other people of
// this type in its place. It holds nothing that can run a script.
func showsInline(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	switch media {
	case "text/plain",
		"image/png", "image/apng", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
		"image/vnd.microsoft.icon":
		return true
	}
	return strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/")
}

// types maps a lower-case extension to its media type as registered with IANA,
// or the one in common use where none is. All text is taken to be UTF-8. Source
// code is plain text, so that a browser shows it.
var types = map[string][]string{
	// Text.
	"txt":      {"text/plain; charset=utf-8"},
	"text":     {"text/plain; charset=utf-8"},
	"log":      {"text/plain; charset=utf-8"},
	"conf":     {"text/plain; charset=utf-8"},
	"cfg":      {"text/plain; charset=utf-8"},
	"ini":      {"text/plain; charset=utf-8"},
	"asc":      {"text/plain; charset=utf-8"},
	"diff":     {"text/plain; charset=utf-8"},
	"patch":    {"text/plain; charset=utf-8"},
	"c":        {"text/plain; charset=utf-8"},
	"cc":       {"text/plain; charset=utf-8"},
	"cpp":      {"text/plain; charset=utf-8"},
	"h":        {"text/plain; charset=utf-8"},
	"hpp":      {"text/plain; charset=utf-8"},
	"go":       {"text/plain; charset=utf-8"},
	"rs":       {"text/plain; charset=utf-8"},
	"py":       {"text/plain; charset=utf-8"},
	"rb":       {"text/plain; charset=utf-8"},
	"java":     {"text/plain; charset=utf-8"},
	"kt":       {"text/plain; charset=utf-8"},
	"swift":    {"text/plain; charset=utf-8"},
	"pl":       {"text/plain; charset=utf-8"},
	"lua":      {"text/plain; charset=utf-8"},
	"ts":       {"text/plain; charset=utf-8"},
	"tsx":      {"text/plain; charset=utf-8"},
	"sh":       {"text/plain; charset=utf-8"},
	"bat":      {"text/plain; charset=utf-8"},
	"ps1":      {"text/plain; charset=utf-8"},
	"sql":      {"text/plain; charset=utf-8"},
	"toml":     {"application/toml"},
	"yaml":     {"application/yaml"},
	"yml":      {"application/yaml"},
	"md":       {"text/markdown; charset=utf-8"},
	"markdown": {"text/markdown; charset=utf-8"},
	"csv":      {"text/csv; charset=utf-8"},
	"tsv":      {"text/tab-separated-values; charset=utf-8"},
	"css":      {"text/css; charset=utf-8"},
	"html":     {"text/html; charset=utf-8"},
	"htm":      {"text/html; charset=utf-8"},
	"shtml":    {"text/html; charset=utf-8"},
	"js":       {"text/javascript; charset=utf-8"},
	"mjs":      {"text/javascript; charset=utf-8"},
	"cjs":      {"text/javascript; charset=utf-8"},
	"vtt":      {"text/vtt; charset=utf-8"},
	"srt":      {"text/plain; charset=utf-8"},
	"ics":      {"text/calendar; charset=utf-8"},
	"vcf":      {"text/vcard; charset=utf-8"},
	"rtf":      {"application/rtf"},
	"n3":       {"text/n3; charset=utf-8"},
	"ttl":      {"text/turtle; charset=utf-8"},
	"rst":      {"text/plain; charset=utf-8"},
	"adoc":     {"text/plain; charset=utf-8"},
	"tex":      {"application/x-tex"},
	"bib":      {"application/x-bibtex"},

	// Structured.
	"json":        {"application/json"},
	"map":         {"application/json"},
	"jsonl":       {"application/jsonl"},
	"ndjson":      {"application/x-ndjson"},
	"jsonld":      {"application/ld+json"},
	"geojson":     {"application/geo+json"},
	"topojson":    {"application/json"},
	"har":         {"application/json"},
	"webmanifest": {"application/manifest+json"},
	"xml":         {"application/xml"},
	"xsl":         {"application/xslt+xml"},
	"xslt":        {"application/xslt+xml"},
	"xsd":         {"application/xml"},
	"dtd":         {"application/xml-dtd"},
	"rng":         {"application/xml"},
	"xhtml":       {"application/xhtml+xml"},
	"xht":         {"application/xhtml+xml"},
	"mathml":      {"application/mathml+xml"},
	"rss":         {"application/rss+xml"},
	"atom":        {"application/atom+xml"},
	"rdf":         {"application/rdf+xml"},
	"kml":         {"application/vnd.google-earth.kml+xml"},
	"kmz":         {"application/vnd.google-earth.kmz"},
	"gpx":         {"application/gpx+xml"},
	"gml":         {"application/gml+xml"},
	"plist":       {"application/xml"},
	"wsdl":        {"application/wsdl+xml"},
	"opml":        {"text/x-opml; charset=utf-8"},
	"wasm":        {"application/wasm"},
	"mht":         {"multipart/related"},
	"mhtml":       {"multipart/related"},
	"eml":         {"message/rfc822"},
	"cbor":        {"application/cbor"},
	"proto":       {"text/plain; charset=utf-8"},
	"graphql":     {"text/plain; charset=utf-8"},

	// Images.
	"png":   {"image/png"},
	"apng":  {"image/apng"},
	"jpg":   {"image/jpeg"},
	"jpeg":  {"image/jpeg"},
	"jpe":   {"image/jpeg"},
	"jfif":  {"image/jpeg"},
	"gif":   {"image/gif"},
	"webp":  {"image/webp"},
	"avif":  {"image/avif"},
	"avifs": {"image/avif"},
	"jxl":   {"image/jxl"},
	"heic":  {"image/heic"},
	"heif":  {"image/heif"},
	"bmp":   {"image/bmp"},
	"ico":   {"image/vnd.microsoft.icon"},
	"cur":   {"image/vnd.microsoft.icon"},
	"tif":   {"image/tiff"},
	"tiff":  {"image/tiff"},
	"svg":   {"image/svg+xml"},
	"svgz":  {"image/svg+xml"},
	"jp2":   {"image/jp2"},
	"jpx":   {"image/jpx"},
	"psd":   {"image/vnd.adobe.photoshop"},
	"xcf":   {"image/x-xcf"},
	"dng":   {"image/x-adobe-dng"},
	"emf":   {"image/emf"},
	"wmf":   {"image/wmf"},
	"pbm":   {"image/x-portable-bitmap"},
	"pgm":   {"image/x-portable-graymap"},
	"ppm":   {"image/x-portable-pixmap"},
	"djvu":  {"image/vnd.djvu"},
	"ktx":   {"image/ktx"},
	"ktx2":  {"image/ktx2"},

	// Audio.
	"mp3":  {"audio/mpeg"},
	"m4a":  {"audio/mp4"},
	"m4b":  {"audio/mp4"},
	"aac":  {"audio/aac"},
	"oga":  {"audio/ogg"},
	"ogg":  {"audio/ogg"},
	"opus": {"audio/ogg"},
	"spx":  {"audio/ogg"},
	"flac": {"audio/flac"},
	"wav":  {"audio/vnd.wave"},
	"weba": {"audio/webm"},
	"mid":  {"audio/midi"},
	"midi": {"audio/midi"},
	"aif":  {"audio/aiff"},
	"aiff": {"audio/aiff"},
	"amr":  {"audio/AMR"},
	"wma":  {"audio/x-ms-wma"},
	"m3u":  {"audio/mpegurl"},
	"mka":  {"audio/matroska"},

	// Video.
	"mp4":  {"video/mp4"},
	"m4v":  {"video/mp4"},
	"mpg":  {"video/mpeg"},
	"mpeg": {"video/mpeg"},
	"mpe":  {"video/mpeg"},
	"webm": {"video/webm"},
	"ogv":  {"video/ogg"},
	"mov":  {"video/quicktime"},
	"qt":   {"video/quicktime"},
	"avi":  {"video/vnd.avi"},
	"wmv":  {"video/x-ms-wmv"},
	"flv":  {"video/x-flv"},
	"mkv":  {"video/matroska"},
	"3gp":  {"video/3gpp"},
	"3g2":  {"video/3gpp2"},
	"m2ts": {"video/mp2t"},
	"mts":  {"video/mp2t"},
	"m3u8": {"application/vnd.apple.mpegurl"},
	"mpd":  {"application/dash+xml"},
	"m4s":  {"video/iso.segment"},

	// Fonts.
	"woff":  {"font/woff"},
	"woff2": {"font/woff2"},
	"ttf":   {"font/ttf"},
	"otf":   {"font/otf"},
	"ttc":   {"font/collection"},
	"eot":   {"application/vnd.ms-fontobject"},

	// Documents.
	"pdf":  {"application/pdf"},
	"ps":   {"application/postscript"},
	"eps":  {"application/postscript"},
	"ai":   {"application/postscript"},
	"epub": {"application/epub+zip"},
	"mobi": {"application/x-mobipocket-ebook"},
	"azw3": {"application/vnd.amazon.ebook"},
	"doc":  {"application/msword"},
	"dot":  {"application/msword"},
	"docx": {"application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	"dotx": {"application/vnd.openxmlformats-officedocument.wordprocessingml.template"},
	"xls":  {"application/vnd.ms-excel"},
	"xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	"xltx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.template"},
	"ppt":  {"application/vnd.ms-powerpoint"},
	"pptx": {"application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	"ppsx": {"application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
	"potx": {"application/vnd.openxmlformats-officedocument.presentationml.template"},
	"vsd":  {"application/vnd.visio"},
	"vsdx": {"application/vnd.ms-visio.drawing.main+xml"},
	"odt":  {"application/vnd.oasis.opendocument.text"},
	"ods":  {"application/vnd.oasis.opendocument.spreadsheet"},
	"odp":  {"application/vnd.oasis.opendocument.presentation"},
	"odg":  {"application/vnd.oasis.opendocument.graphics"},
	"odf":  {"application/vnd.oasis.opendocument.formula"},
	"ott":  {"application/vnd.oasis.opendocument.text-template"},
	"xps":  {"application/vnd.ms-xpsdocument"},
	"dvi":  {"application/x-dvi"},

	// Archives.
	"zip":  {"application/zip"},
	"gz":   {"application/gzip"},
	"tgz":  {"application/gzip"},
	"bz2":  {"application/x-bzip2"},
	"xz":   {"application/x-xz"},
	"zst":  {"application/zstd"},
	"br":   {"application/x-brotli"},
	"lz4":  {"application/x-lz4"},
	"7z":   {"application/x-7z-compressed"},
	"rar":  {"application/vnd.rar"},
	"tar":  {"application/x-tar"},
	"cpio": {"application/x-cpio"},
	"jar":  {"application/java-archive"},
	"war":  {"application/java-archive"},
	"apk":  {"application/vnd.android.package-archive"},
	"ipa":  {"application/octet-stream"},
	"deb":  {"application/vnd.debian.binary-package"},
	"rpm":  {"application/x-rpm"},
	"cab":  {"application/vnd.ms-cab-compressed"},
	"iso":  {"application/x-iso9660-image"},
	"dmg":  {"application/x-apple-diskimage"},
	"msi":  {"application/x-msi"},
	"exe":  {"application/vnd.microsoft.portable-executable"},
	"dll":  {"application/vnd.microsoft.portable-executable"},
	"bin":  {"application/octet-stream"},
	"img":  {"application/octet-stream"},
	"whl":  {"application/zip"},
	"crx":  {"application/x-chrome-extension"},
	"xpi":  {"application/x-xpinstall"},

	// Data and keys.
	"sqlite":  {"application/vnd.sqlite3"},
	"sqlite3": {"application/vnd.sqlite3"},
	"db":      {"application/octet-stream"},
	"parquet": {"application/vnd.apache.parquet"},
	"arrow":   {"application/vnd.apache.arrow.file"},
	"avro":    {"application/avro"},
	"h5":      {"application/x-hdf5"},
	"nc":      {"application/x-netcdf"},
	"pem":     {"application/x-pem-file"},
	"crt":     {"application/x-x509-ca-cert"},
	"cer":     {"application/pkix-cert"},
	"der":     {"application/x-x509-ca-cert"},
	"crl":     {"application/pkix-crl"},
	"p7b":     {"application/x-pkcs7-certificates"},
	"p7s":     {"application/pkcs7-signature"},
	"p12":     {"application/pkcs12"},
	"pfx":     {"application/pkcs12"},
	"csr":     {"application/pkcs10"},
	"sig":     {"application/pgp-signature"},
	"gpg":     {"application/pgp-encrypted"},
	"torrent": {"application/x-bittorrent"},
	"swf":     {"application/vnd.adobe.flash.movie"},

	// Models.
	"gltf": {"model/gltf+json"},
	"glb":  {"model/gltf-binary"},
	"stl":  {"model/stl"},
	"obj":  {"model/obj"},
	"mtl":  {"model/mtl"},
	"step": {"model/step"},
	"stp":  {"model/step"},
	"usdz": {"model/vnd.usdz+zip"},
	"3mf":  {"model/3mf"},
}

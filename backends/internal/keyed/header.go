package keyed

// ValidHeader reports whether all services accept s as the value of a header.
func ValidHeader(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

package vfs

import "strings"

// Fold returns one spelling for all the spellings of a text that look alike, or that some
// file system takes for the same name: Unicode's NFKC_Casefold. Deny patterns match on it.
// It is for telling what must not be mistaken for something else, and not for names: two
// names that fold to one text are two names. What is no UTF-8 folds to U+FFFD.
func Fold(s string) string { return fold(strings.ToValidUTF8(s, "\ufffd")) }

package put

// Reserved is the prefix of names under which a backend stores incomplete objects, next
// to the complete ones. It contains a line separator, which no Name contains, so
// clients cannot reach them.
const Reserved = ".bailiwick\u2028put-"

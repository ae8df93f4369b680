package put

// Reserved begins the names under which a backend keeps for itself what is not
// whole yet, next to the objects. The line separator in it keeps them out of
// reach: no Name holds one.
const Reserved = ".bailiwick\u2028put-"

package signin

// NextPath is the parser of next.
var NextPath = nextPath

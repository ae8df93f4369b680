package sandbox

// ReplacedIn is how System finds the directory of /etc/resolv.conf's target.
var ReplacedIn = replacedIn

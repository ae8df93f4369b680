package vfstest

// Canary stands in everything that must not be served, so that one byte of it
// in a reply, a listing or an error gives the leak away.
const Canary = "canary-7f3a9c51-outside-the-bailiwick"

package mux

import "net/http"

type Router struct{}

func NewRouter() *Router                                     { return nil }
func (*Router) SkipClean(bool) *Router                       { return nil }
func (*Router) UseEncodedPath() *Router                      { return nil }
func (*Router) StrictSlash(bool) *Router                     { return nil }
func (*Router) HandleFunc(string, http.HandlerFunc)          {}
func (*Router) ServeHTTP(http.ResponseWriter, *http.Request) {}

func Vars(*http.Request) map[string]string { return nil }

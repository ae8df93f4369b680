package chi

import "net/http"

type Router interface {
	Get(pattern string, h http.HandlerFunc)
}

func URLParam(r *http.Request, key string) string { return "" }

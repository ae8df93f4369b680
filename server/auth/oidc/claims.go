package oidc

import (
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// principal reads who the claims of a verified token speak of.
func (p *Provider) principal(payload []byte) (auth.Principal, error) {
	// encoding/json writes one and the same character for all that is no UTF-8,
	// and two users would be one.
	if !utf8.Valid(payload) {
		return auth.Principal{}, auth.ErrCredentials
	}
	claims, err := jsonObject(payload)
	if err != nil || disguised(claims) || !p.begun(claims) {
		return auth.Principal{}, auth.ErrCredentials
	}
	facts := maps.Clone(claims)
	maps.DeleteFunc(facts, func(key string, _ any) bool { return unverified(claims, key) })
	name, _ := facts[p.cfg.UserClaim].(string)
	if !isName(name) {
		return auth.Principal{}, auth.ErrCredentials
	}
	who := auth.Principal{Name: name, Method: "oidc", Claims: make(map[string][]string)}
	for key, value := range facts {
		if list := texts(value); len(list) > 0 {
			who.Claims[key] = list
		}
	}
	if p.cfg.GroupsClaim != "" {
		who.Groups = texts(facts[p.cfg.GroupsClaim])
	}
	return who, nil
}

// disguised reports whether a claim is one of those that verify has judged, but for the
// case of its letters. It may have been judged in that one's place: go-oidc reads them
// into a struct, whose fields encoding/json finds by any spelling, and at some providers
// users choose what further claims are called.
func disguised(claims map[string]any) bool {
	for key := range claims {
		for _, judged := range [...]string{"iss", "aud", "exp"} {
			if key != judged && strings.EqualFold(key, judged) {
				return true
			}
		}
	}
	return false
}

// begun reports whether the token is valid already. A logout token, which some
// providers give no type of its own, is known by its events, and never is.
func (p *Provider) begun(claims map[string]any) bool {
	if _, logout := claims["events"]; logout {
		return false
	}
	value, there := claims["nbf"]
	if !there || value == nil {
		return true
	}
	seconds, ok := value.(float64)
	latest := p.cfg.Now().Add(leeway)
	return ok && seconds <= float64(latest.UnixNano())/float64(time.Second)
}

// isName refuses what would be anyone, and what a record cannot show. U+FFFD is
// what stands for a broken character.
func isName(s string) bool {
	return s != "" && !strings.ContainsRune(s, utf8.RuneError) && !strings.ContainsFunc(s, unicode.IsControl)
}

// unverified reports whether the provider says that it has not checked a claim, as
// "email_verified" says of "email": then anybody may have made it up. Some say so with a
// string. Of the claims that OpenID Connect has such a word for, silence says so, too: there
// are providers that leave it out and let users type any address.
func unverified(claims map[string]any, key string) bool {
	switch v := claims[key+"_verified"].(type) {
	case nil:
		return key == "email" || key == "phone_number"
	case bool:
		return !v
	case string:
		return v != "true"
	}
	return true
}

// texts returns a claim that is a string, or the strings of one that is a list.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

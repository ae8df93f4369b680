package oidc

import (
	"maps"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bailiwick-fs/bailiwick/server/auth"
)

// principal returns the principal of a verified token's claims.
func (p *Provider) principal(payload []byte) (auth.Principal, error) {
	// encoding/json decodes all invalid UTF-8 to the same character, which would make two
	// users equal.
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

// disguised reports whether a claim has the name of one that verify checks, but in
// another letter case. verify may have checked it instead of the real one: go-oidc
// decodes claims into a struct, whose fields encoding/json matches in any letter case,
// and some providers let users choose the names of additional claims.
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

// begun reports whether the token is already valid. A logout token, which some providers
// issue without its own type, is recognized by its events claim and is never valid.
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

// isName refuses names that would be anonymous and names that logs cannot show. U+FFFD
// replaces a broken character.
func isName(s string) bool {
	return s != "" && !strings.ContainsRune(s, utf8.RuneError) && !strings.ContainsFunc(s, unicode.IsControl)
}

// unverified reports whether the provider declares a claim unverified, as
// "email_verified" does for "email": anyone may have made it up. Some providers use a
// string. A missing declaration counts as unverified for the claims for which OpenID
// Connect defines one, since some providers omit it and let users enter any address.
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

// texts returns the strings of a claim that is a string or a list.
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

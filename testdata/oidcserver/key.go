package oidcserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"testing"
)

// NewKey generates a key.
func NewKey(t testing.TB, algorithm, id string) *Key {
	t.Helper()
	var private crypto.Signer
	var err error
	switch algorithm {
	case "RS256", "PS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		t.Fatalf("no algorithm %s", algorithm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &Key{ID: id, Algorithm: algorithm, private: private}
}

// PublicKey returns the public key.
func (k *Key) PublicKey() crypto.PublicKey { return k.private.Public() }

// Public returns the key as a member of a JWK set.
func (k *Key) Public() map[string]any {
	m := map[string]any{"use": "sig", "alg": k.Algorithm, "kid": k.ID}
	switch pub := k.private.Public().(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", Encode(pub.N.Bytes()), Encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		point, _ := pub.Bytes() // 4, x, y
		m["kty"], m["crv"], m["x"], m["y"] = "EC", "P-256", Encode(point[1:33]), Encode(point[33:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", Encode(pub)
	}
	maps.Copy(m, k.Extra)
	return m
}

// Sign returns a token with the key's own header, overridden by the members of header. A
// nil member is removed.
func (k *Key) Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	head := map[string]any{"alg": k.Algorithm, "kid": k.ID, "typ": "JWT"}
	for name, value := range header {
		if head[name] = value; value == nil {
			delete(head, name)
		}
	}
	return Join(t, head, claims, func(data []byte) []byte { return k.signature(t, data) })
}

// Join returns a token with the given header and claims, signed by sign.
func Join(t testing.TB, header, claims map[string]any, sign func(data []byte) []byte) string {
	t.Helper()
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	data := Encode(head) + "." + Encode(body)
	return data + "." + Encode(sign([]byte(data)))
}

// Encode encodes data in the base64 variant of tokens.
func Encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func (k *Key) signature(t testing.TB, data []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(data)
	message, opts := sum[:], crypto.SignerOpts(crypto.SHA256)
	switch k.Algorithm {
	case "PS256":
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case "EdDSA":
		message, opts = data, crypto.Hash(0)
	}
	sig, err := k.private.Sign(rand.Reader, message, opts)
	if err != nil {
		t.Fatal(err)
	}
	if k.Algorithm != "ES256" {
		return sig
	}
	var point struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &point); err != nil {
		t.Fatal(err)
	}
	return append(point.R.FillBytes(make([]byte, 32)), point.S.FillBytes(make([]byte, 32))...)
}

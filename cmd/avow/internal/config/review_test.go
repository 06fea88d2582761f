package config

import (
	"strings"
	"testing"
)

// TestHalfASigner: a key without its chain must not mean a development certificate.
func TestHalfASigner(t *testing.T) {
	for text, want := range map[string]string{
		"signer: {chain: chain.pem}":               "chain and key go together",
		"signer: {key: key.pem}":                   "chain and key go together",
		"signer: {chain: chain.pem, key: key.pem}": "",
		"signer: {tsa: 'http://tsa.example/'}":     "",
	} {
		if _, err := Parse([]byte(text)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestRequiredAndOff: what is required has to be possible.
func TestRequiredAndOff(t *testing.T) {
	for text, ok := range map[string]bool{
		"routes: [{path: /x, require: [manifest, image_mark]}]":                                              true,
		"carriers: {manifest: false}\nroutes: [{path: /x, require: [manifest]}]":                             false,
		"routes: [{path: /x, carriers: {manifest: false}, require: [manifest]}]":                             false,
		"routes: [{path: /x, carriers: {manifest: false}, require: [metadata]}]":                             true,
		"routes: [{path: /x, require: [fingerprint]}]":                                                       false,
		"carriers: {manifest: false}\nroutes: [{path: /x, carriers: {manifest: true}, require: [manifest]}]": false,
	} {
		if _, err := Parse([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

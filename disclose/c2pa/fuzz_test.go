package c2pa

import "testing"

// FuzzSign signs whatever a container takes; what comes out has to be found and
// to match its hard binding.
func FuzzSign(f *testing.F) {
	for _, file := range samples(f) {
		f.Add(file.data)
	}
	s := testSigner(f, "Ed25519")
	m := fullManifest()
	m.Label, m.InstanceID = "urn:c2pa:00000000-0000-4000-8000-000000000000", "xmp:iid:1"
	f.Fuzz(func(t *testing.T, file []byte) {
		out, info, err := Sign(t.Context(), file, m, s)
		if err != nil {
			return
		}
		checkFile(t, out, info, s)
	})
}

func FuzzLoadSigner(f *testing.F) {
	key := testKeys()["ES256"]
	chain := certPEM(testLeaf(f, key, nil).Raw, testIssuer().cert.Raw)
	f.Add(chain, pemKey(f, key))
	f.Add(chain, toPEM("EC PARAMETERS", []byte{6, 1, 1}))
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		if s, err := LoadSigner(chain, key); err == nil && s.Check() != nil {
			t.Fatal("a signer that was good is not")
		}
	})
}

package cli

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

// checkSigned checks a signed report with the keys that a well-known document names.
func checkSigned(t *testing.T, document, jws []byte) {
	t.Helper()
	var doc struct {
		Keys []disclose.SigningKey `json:"signing_keys"`
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(jws), ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWS: %.100s", jws)
	}
	head, headErr := base64.RawURLEncoding.DecodeString(parts[0])
	sig, sigErr := base64.RawURLEncoding.DecodeString(parts[2])
	var h struct{ Kid string }
	if headErr != nil || sigErr != nil || json.Unmarshal(head, &h) != nil {
		t.Fatalf("not a JWS: %.100s", jws)
	}
	for _, k := range doc.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		if k.ID == h.Kid && err == nil && len(x) == ed25519.PublicKeySize {
			if !ed25519.Verify(x, []byte(parts[0]+"."+parts[1]), sig) {
				t.Errorf("signature of %s does not fit", h.Kid)
			}
			return
		}
	}
	t.Errorf("signed with %s, which the document does not name: %.600s", h.Kid, document)
}

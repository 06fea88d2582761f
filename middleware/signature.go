package middleware

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// Names of a signed report: a JSON Web Signature (RFC 7515) in its compact form,
// by Ed25519 (RFC 8037).
const (
	mediaSigned = "application/jose"
	typeSigned  = "avow-report+jws"
)

// ReportKey is the key that signs reports, derived from the key that marks: who has
// that one could write the marks that the reports vouch for anyway. An operator who
// wants them apart gives VerifyOptions.ReportKey a key of its own.
func ReportKey(k watermark.Key) ed25519.PrivateKey {
	seed := k.Subkey("avow report signature 1")
	return ed25519.NewKeyFromSeed(seed[:])
}

var errReportKey = errors.New("middleware: reports are signed with an Ed25519 key")

// A reportSigner signs reports with one key.
type reportSigner struct {
	key    crypto.Signer
	public ed25519.PublicKey
	header string // the protected header, encoded
}

// newReportSigner returns nil for no key.
func newReportSigner(key crypto.Signer) (*reportSigner, error) {
	if key == nil {
		return nil, nil
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errReportKey
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{"EdDSA", thumbprint(public), typeSigned})
	if err != nil {
		return nil, fmt.Errorf("middleware: header of signed reports: %w", err)
	}
	return &reportSigner{key, public, encode(header)}, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// thumbprint names a key by its hash (RFC 7638).
func thumbprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + encode(key) + `"}`))
	return encode(sum[:])
}

func signingKey(key ed25519.PublicKey) disclose.SigningKey {
	return disclose.SigningKey{Type: "OKP", Curve: "Ed25519", X: encode(key), ID: thumbprint(key), Use: "sig", Algorithm: "EdDSA"}
}

// sign returns a reply as a signed report: its JSON and the time of signing ("iat",
// seconds since 1970), as a compact JWS. The caller has seen that there is a signer.
func (s *VerifyService) sign(rep *reply) (jws []byte, err error) {
	if s.signer == nil {
		return nil, errReportKey
	}
	payload, err := json.Marshal(struct {
		*reply
		IssuedAt int64 `json:"iat"`
	}{rep, s.now().Unix()})
	if err != nil {
		return nil, fmt.Errorf("middleware: report: %w", err)
	}
	input := s.signer.header + "." + encode(payload)
	sig, err := s.signer.key.Sign(rand.Reader, []byte(input), crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("middleware: report: %w", err)
	}
	return []byte(input + "." + encode(sig)), nil
}

// signingKeys are the public keys that this service's reports are checked with.
func (s *VerifyService) signingKeys() []disclose.SigningKey {
	keys := []disclose.SigningKey{}
	if s.signer != nil {
		keys = append(keys, signingKey(s.signer.public))
	}
	for _, old := range s.o.OldReportKeys {
		if len(old) == ed25519.PublicKeySize && (s.signer == nil || !old.Equal(s.signer.public)) {
			keys = append(keys, signingKey(old))
		}
	}
	return keys
}

// accepts reports whether a request asks for a media type by its name. Ranges such
// as */* do not.
func accepts(r *http.Request, media string) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		t, params, err := mime.ParseMediaType(part)
		if err == nil && t == media && params["q"] != "0" {
			return true
		}
	}
	return false
}

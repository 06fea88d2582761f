package disclose

import (
	"encoding/json"

	"github.com/avowai/avow/watermark"
)

// WellKnownPath is where a deployment says who it is.
const WellKnownPath = "/.well-known/ai-disclosure.json"

// A WellKnown is the document at WellKnownPath. No such name is registered; it
// is modelled on security.txt (RFC 9116).
type WellKnown struct {
	Provider    string            `json:"provider"`
	System      string            `json:"system"`
	Version     string            `json:"version,omitempty"`
	ModelCard   string            `json:"model_card,omitempty"`
	Contact     string            `json:"contact,omitempty"`
	Detector    string            `json:"detector,omitempty"`
	Languages   []string          `json:"languages"`
	Notices     map[string]string `json:"notices"`
	Carriers    []string          `json:"carriers"`
	KeyIDs      []string          `json:"key_ids"`
	SigningKeys []SigningKey      `json:"signing_keys"`
	OptOut      map[string]string `json:"opt_out,omitempty"`
	Template    int               `json:"template"`
	Limits      string            `json:"limits"`
}

// A SigningKey is a public key that signed reports are checked with, as a JSON Web
// Key (RFC 7517; of Ed25519: RFC 8037).
type SigningKey struct {
	Type      string `json:"kty"` // OKP
	Curve     string `json:"crv"` // Ed25519
	X         string `json:"x"`   // the key's 32 bytes, base64url without padding
	ID        string `json:"kid"` // its thumbprint (RFC 7638)
	Use       string `json:"use"` // sig
	Algorithm string `json:"alg"` // EdDSA
}

// WellKnown returns the document of this Marker's deployment. The caller adds
// what only he knows.
func (m *Marker) WellKnown() WellKnown {
	w := WellKnown{
		Provider: m.o.Provider, System: m.o.System, Version: m.o.Version,
		Notices: map[string]string{}, KeyIDs: []string{}, SigningKeys: []SigningKey{}, Carriers: []string{},
		Limits: Limits, Template: watermark.TemplateVersion, OptOut: m.o.OptOut.named(),
	}
	if m.o.Detector != nil {
		w.Detector = m.o.Detector.String()
	}
	if !m.o.Key.IsZero() {
		w.KeyIDs = append(w.KeyIDs, m.o.Key.ID())
	}
	for _, tag := range Languages() {
		w.Languages = append(w.Languages, tag.String())
		w.Notices[tag.String()] = m.notices.text(tag)
	}
	for _, c := range m.carriers.List() {
		w.Carriers = append(w.Carriers, c.String())
	}
	return w
}

// JSON is the document's text.
func (w WellKnown) JSON() []byte {
	b, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return []byte("{}") // cannot happen: strings and slices of them
	}
	return append(b, '\n')
}

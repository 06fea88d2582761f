package middleware

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// openAPIDocument describes the service (OpenAPI 3.1), under the path /avow.
//
//go:embed openapi.json
var openAPIDocument []byte

// openAPI serves the description, with the path that the service is at.
func (s *VerifyService) openAPI() http.Handler {
	base, err := json.Marshal(or(s.base, "/"))
	if err != nil {
		base = []byte(`"/avow"`) // cannot happen: a string
	}
	return documentHandler(bytes.Replace(openAPIDocument, []byte(`"url": "/avow"`), append([]byte(`"url": `), base...), 1))
}

// wellKnown is the document at disclose.WellKnownPath.
func (s *VerifyService) wellKnown() disclose.WellKnown {
	var doc disclose.WellKnown
	if s.o.WellKnown != nil {
		doc = *s.o.WellKnown
	} else {
		doc = disclose.WellKnown{Languages: []string{}, Notices: map[string]string{}, Carriers: []string{},
			KeyIDs: s.o.Detector.KeyIDs(), Limits: disclose.Limits, Template: watermark.TemplateVersion, Contact: s.o.Contact}
	}
	doc.SigningKeys = s.signingKeys()
	return doc
}

func (s *VerifyService) feedbackURL() string { return s.address(s.base + "/v1/feedback") }

// address is the public address of a path: absolute where the deployment's
// verification page has a known address, else without scheme and host. The request's
// Host is not believed, it would end up in signed reports.
func (s *VerifyService) address(path string) string {
	if s.o.WellKnown == nil {
		return path
	}
	u, err := url.Parse(s.o.WellKnown.Detector)
	if err != nil || u.Host == "" {
		return path
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}).String()
}

package middleware

import (
	"net/http"

	"github.com/avowai/avow/disclose"
)

// WellKnownHandler serves the document that says who runs this deployment, at
// disclose.WellKnownPath.
func WellKnownHandler(doc disclose.WellKnown) http.Handler {
	return documentHandler(doc.JSON())
}

// TDMRepHandler serves the document of the TDM Reservation Protocol, at
// disclose.TDMRepPath; where o states no reservation, it finds nothing.
func TDMRepHandler(o disclose.OptOut) http.Handler {
	body := o.TDMRep()
	if body == nil {
		return http.NotFoundHandler()
	}
	return documentHandler(body)
}

// documentHandler serves a public JSON document.
func documentHandler(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", get)
			problemMethod(get).write(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		writeBody(w, body, "application/json", "public, max-age=3600")
	})
}

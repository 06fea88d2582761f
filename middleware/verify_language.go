package middleware

import (
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// inLanguage returns a report in the language that a question prefers, and says
// in the answer's header which that is.
func inLanguage(w http.ResponseWriter, r *http.Request, report *disclose.Report) *disclose.Report {
	tag := disclose.NegotiateLanguage(strings.Join(r.Header["Accept-Language"], ","))
	h := w.Header()
	h.Set("Content-Language", tag.String())
	appendVary(h, "Accept-Language")
	return report.In(tag)
}

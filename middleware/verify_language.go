package middleware

import (
	"net/http"

	"github.com/avowai/avow/disclose"
)

// inLanguage is where a report's sentences get the language that a question
// prefers, and the answer's header says which that is. They are English so far.
func inLanguage(_ http.ResponseWriter, _ *http.Request, report *disclose.Report) *disclose.Report {
	return report
}

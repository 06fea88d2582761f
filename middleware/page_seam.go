package middleware

import "net/http"

// pageHandler makes the page at base + "/verify" and what lies below it, for GET,
// HEAD and POST. A page has of the service: ask, which reads and answers the question
// of a form; sign, which makes the report that can be downloaded; takeFeedback;
// refuse, for a problem that the page does not show itself; and base, the public path
// that its links start with. nil leaves the page out.
var pageHandler func(s *VerifyService) http.Handler

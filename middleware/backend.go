package middleware

import (
	"net/http"

	"github.com/avowai/avow/disclose"
)

// sampled are the shapes whose text a backend draws token by token.
var sampled = map[disclose.Shape]bool{
	disclose.ShapeOpenAIChat: true, disclose.ShapeOpenAILegacy: true, disclose.ShapeOpenAIResponses: true,
	disclose.ShapeAnthropic: true, disclose.ShapeTGI: true,
}

// markBackend has the backend put its own mark into the text, where the operator
// wants that. A request that cannot be edited could have the mark switched off:
// under the strict profile it does not reach the backend.
func (ex *exchange) markBackend(body []byte) []byte {
	b := ex.c.o.Backend
	if b == nil || !sampled[ex.route.shape] {
		return body
	}
	edited, changes, err := b.Edit(body)
	if err != nil {
		ex.unmarkedBackend(err)
		return body
	}
	for _, c := range changes {
		ex.c.metrics.backend(c)
	}
	return edited
}

// unmarkedBackend deals with a request that the backend's mark cannot be asked
// for in.
func (ex *exchange) unmarkedBackend(cause error) {
	ex.c.metrics.backend(disclose.WarnUnread)
	if ex.profile() == disclose.Strict {
		ex.rejected = &problem{
			Type: problemBase + "backend_mark", Title: "Request refused (backend_mark)", Status: http.StatusBadRequest,
			Detail: "This route marks text while it is generated, for which the request has to be one JSON object, uncompressed and of at most the size avow reads.",
		}
	}
	ex.c.log.Warn("the backend's mark could not be asked for", "route", ex.route.name, "error", cause)
}

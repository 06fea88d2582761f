package middleware

import (
	"errors"
	"net/http"
	"path"
	"strconv"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// ManifestHandler answers GET requests whose path ends with an output's id with
// the manifest store that is kept of it (application/c2pa).
func ManifestHandler(records disclose.Records) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			manifestProblem(http.StatusMethodNotAllowed, "Ask with GET.").write(w, r)
			return
		}
		id, err := watermark.ParsePayload(path.Base(r.URL.Path))
		if err != nil {
			manifestProblem(http.StatusNotFound, "The address ends with an id of 16 hexadecimal digits, as Avow-Id gives it.").write(w, r)
			return
		}
		rec, err := records.ByID(r.Context(), id)
		switch {
		case err != nil && !errors.Is(err, disclose.ErrNoRecord):
			manifestProblem(http.StatusServiceUnavailable, "Records cannot be asked now. Try again.").write(w, r)
		case err != nil || len(rec.Manifest) == 0:
			manifestProblem(http.StatusNotFound, "No manifest is kept under this id: the output holds its own, has not ended yet, or is too long ago.").write(w, r)
		default:
			h := w.Header()
			h.Set("Content-Type", "application/c2pa")
			h.Set("Content-Length", strconv.Itoa(len(rec.Manifest)))
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cache-Control", "private, max-age=3600")
			if r.Method == http.MethodGet {
				_, _ = w.Write(rec.Manifest)
			}
		}
	})
}

func manifestProblem(status int, detail string) problem {
	return problem{Type: problemBase + "manifest", Title: "No manifest", Status: status, Detail: detail}
}

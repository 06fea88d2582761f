package middleware

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strconv"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// Manifests gives the stored manifests of outputs; a [disclose.Marker] does.
type Manifests interface {
	StoredManifest(ctx context.Context, id watermark.Payload) ([]byte, error)
}

// ManifestHandler answers GET requests whose path ends with an output's id with
// its manifest store (application/c2pa).
func ManifestHandler(m Manifests) http.Handler {
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
		store, err := m.StoredManifest(r.Context(), id)
		switch {
		case errors.Is(err, disclose.ErrNoManifest):
			manifestProblem(http.StatusNotFound, "No manifest is kept under this id: the output holds its own, was marked without one, has not ended yet, or is too long ago.").write(w, r)
		case err != nil:
			w.Header().Set("Retry-After", "5")
			manifestProblem(http.StatusServiceUnavailable, "The manifest cannot be given now. Try again.").write(w, r)
		default:
			writeManifest(w, r, store)
		}
	})
}

func writeManifest(w http.ResponseWriter, r *http.Request, store []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/c2pa")
	h.Set("Content-Length", strconv.Itoa(len(store)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, max-age=3600")
	if r.Method == http.MethodGet {
		_, _ = w.Write(store)
	}
}

func manifestProblem(status int, detail string) problem {
	return problem{Type: problemBase + "manifest", Title: "No manifest", Status: status, Detail: detail}
}

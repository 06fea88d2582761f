package middleware

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/jumbf"
	"github.com/avowai/avow/watermark"
)

// Manifests gives the stored manifests of outputs; a [disclose.Marker] does.
type Manifests interface {
	StoredManifest(ctx context.Context, id watermark.Payload) ([]byte, error)
}

const (
	maxManifestName = 256 // bytes
	recordsRetry    = 5 * time.Second
)

// ManifestHandler answers GET requests whose path ends with an output's id with
// its manifest store (application/c2pa).
func ManifestHandler(m Manifests) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", get)
			problemMethod(get).write(w, r)
			return
		}
		store, err := storedManifest(r.Context(), nil, m, path.Base(r.URL.Path))
		if err != nil {
			manifestProblem(err).write(w, r)
			return
		}
		writeManifest(w, r, store)
	})
}

// serveManifest answers GET /v1/manifests/{id}: a manifest's label (urn:c2pa:…), or
// an output's id. With returnActiveManifest=true it leaves out the manifests of
// ingredients.
func (s *VerifyService) serveManifest(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, s.base+"/v1/manifests/")
	store, err := storedManifest(r.Context(), s.o.Records, s.o.Manifests, name)
	if err == nil && r.URL.Query().Get("returnActiveManifest") == "true" {
		store, err = activeManifest(store)
	}
	if err != nil {
		s.refuse(w, r, manifestProblem(err))
		return
	}
	writeManifest(w, r, store)
}

var errManifestName = errors.New("middleware: not the name of a manifest")

// storedManifest looks for a manifest where outputs' own ones are kept, then where
// those are that outputs do not hold.
func storedManifest(ctx context.Context, records disclose.Records, stored Manifests, name string) ([]byte, error) {
	id, err := watermark.ParsePayload(name)
	isID := err == nil
	if !isID && (!strings.HasPrefix(name, "urn:") || len(name) > maxManifestName) {
		return nil, errManifestName
	}
	if records != nil {
		if isID && withdrawn(ctx, records, id) {
			return nil, disclose.ErrNoManifest
		}
		store, err := records.Manifest(ctx, name)
		if err == nil || !errors.Is(err, disclose.ErrNoManifest) {
			return store, err
		}
	}
	if !isID || stored == nil {
		return nil, disclose.ErrNoManifest
	}
	return stored.StoredManifest(ctx, id)
}

// withdrawn reports whether an output has a record, but no manifest to show for it:
// it was erased, or never arrived whole.
func withdrawn(ctx context.Context, records disclose.Records, id watermark.Payload) bool {
	r, err := records.ByID(ctx, id)
	return err == nil && (r.Erased || r.Outcome == disclose.OutcomeAborted || r.Outcome == disclose.OutcomeWithheld)
}

// activeManifest is a manifest store with its last manifest alone, the active one.
func activeManifest(store []byte) ([]byte, error) {
	box, err := jumbf.Parse(store)
	if err != nil || len(box.Children) == 0 || !box.Children[len(box.Children)-1].Super() {
		return nil, fmt.Errorf("middleware: stored manifest: %w", jumbf.ErrBox)
	}
	last := box.Children[len(box.Children)-1]
	outer := jumbf.Box{Type: box.Type, UUID: box.UUID, Label: box.Label}
	out := outer.Append(nil)
	out = binary.BigEndian.AppendUint32(out, uint32(8+len(last.Data)))
	out = append(append(out, last.Type...), last.Data...)
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out, nil
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

// manifestProblem says why there is no manifest.
func manifestProblem(err error) problem {
	p := problem{Type: problemBase + "manifest", Title: "No manifest", Status: http.StatusNotFound}
	switch {
	case errors.Is(err, errManifestName):
		p.Detail = "The address ends with an id of 16 hexadecimal digits, as Avow-Id gives it, or with the label of a manifest (urn:c2pa:...)."
	case errors.Is(err, disclose.ErrNoManifest):
		p.Detail = "No manifest is kept under this id: the output holds its own, was marked without one, has not ended yet, or is too long ago."
	default:
		p.Status, p.Detail = http.StatusServiceUnavailable, "The manifest cannot be given now. Try again."
		p.wait = recordsRetry
	}
	return p
}

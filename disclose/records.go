package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/avowai/avow/watermark"
)

// ErrNoRecord is returned by Records lookups that find nothing.
var ErrNoRecord = errors.New("disclose: no such record")

// A Record is what is kept about one marked output. It never holds prompts,
// user ids or addresses.
type Record struct {
	Label          Label
	MediaType      string
	Shape          Shape
	Route          string // the route's configured name or template
	Response       string // the API's own id of the response, where it has one
	Carriers       []Carrier
	Skipped        []Reason
	Outcome        Outcome
	Empty          bool     // an answer without a text, whose notice is still due when it is asked for again
	StoredManifest bool     // its manifest is kept apart from it, signed when asked for by id
	Notices        []string // by their names, see Notices.IDs; empty where none was given
	Language       string   // of the notices, where any were given
	NoticeHash     [32]byte // SHA-256 of their text as given, separators included
	SHA256         [32]byte // of the delivered bytes
	Size           int64
	Fingerprint    Fingerprint
	Recorded       time.Time
}

// A Fingerprint is a keyed perceptual hash of an output: similar content has a
// small distance. The durable ledger fills it; the zero value means none.
type Fingerprint struct {
	Algorithm string
	Bits      []byte
}

// Records is the seam to what was marked. A nil Records means that nothing is
// kept. Implementations are safe for concurrent use; a Put that returned nil is
// acknowledged: it will be found again.
type Records interface {
	Put(ctx context.Context, r Record) error
	// ByID returns the record of a label, or ErrNoRecord.
	ByID(ctx context.Context, id watermark.Payload) (Record, error)
	// ByPrefix returns the records whose id starts with prefix (1 to 8 bytes).
	ByPrefix(ctx context.Context, prefix []byte) ([]Record, error)
	// ByResponse returns the record of an API's own response id, or ErrNoRecord.
	ByResponse(ctx context.Context, response string) (Record, error)
	// Similar returns records whose fingerprint is close, closest first.
	Similar(ctx context.Context, f Fingerprint) ([]Record, error)
}

// sameBytes reports whether id has a record of exactly these bytes.
func sameBytes(ctx context.Context, records Records, id watermark.Payload, data []byte) bool {
	r, err := records.ByID(ctx, id)
	return err == nil && r.SHA256 == sha256.Sum256(data)
}

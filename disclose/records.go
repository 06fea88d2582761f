package disclose

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/avowai/avow/disclose/fingerprint"
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
	Manifest       []byte   // the manifest store that the output holds, for copies that lost it; nil for none
	ManifestID     string   // the label of its active manifest, urn:c2pa:…
	Notices        []string // by their names, see Notices.IDs; empty where none was given
	Language       string   // of the notices, where any were given
	NoticeHash     [32]byte // SHA-256 of their text as given, separators included
	SHA256         [32]byte // of the delivered bytes
	Size           int64
	Fingerprint    Fingerprint
	Session        SessionID // of the conversation, where requests name one
	Recorded       time.Time
	Erased         bool // forgotten on request: fingerprint and manifest are gone, the row stays
}

// A Fingerprint tells whether content is the recorded one, see package
// fingerprint. The zero value means none.
type Fingerprint struct {
	KeyID string // of the watermark key that its own key derives from
	Image fingerprint.Image
	Text  fingerprint.Text
}

// IsZero reports whether there is no fingerprint.
func (f Fingerprint) IsZero() bool { return f.Image.IsZero() && len(f.Text) == 0 }

// A Similarity is a record whose fingerprint is close to one that was asked for.
type Similarity struct {
	Record   Record
	Distance int // of pictures: differing bits of the global fingerprint, of fingerprint.GlobalBits
	Among    int // of pictures: how many were compared, each a chance of a false match
	Shared   int // of texts: hashes that both have
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
	// Similar returns the records made with the same key whose fingerprint is
	// close, closest first, at most MaxSimilar: pictures by their global part,
	// texts by shared hashes.
	Similar(ctx context.Context, f Fingerprint) ([]Similarity, error)
	// Manifest returns the manifest store that was recorded with an output, by the
	// output's id or by the label of the active manifest, or ErrNoManifest.
	Manifest(ctx context.Context, name string) ([]byte, error)
}

// MaxSimilar is how many records Similar returns at most.
const MaxSimilar = 16

// sameBytes reports whether id has a record of exactly these bytes.
func sameBytes(ctx context.Context, records Records, id watermark.Payload, data []byte) bool {
	r, err := records.ByID(ctx, id)
	return err == nil && r.SHA256 == sha256.Sum256(data)
}

package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/avowai/avow/watermark"
)

// The kinds of row.
const (
	kindRecord  = 0 // one output
	kindHead    = 1 // a signature over the chain so far
	kindErasure = 2 // a note that another row's fingerprint and manifest were erased
)

// A link ties a row to all before it.
type link [32]byte

// genesis is what the first row of a writer's chain follows.
func genesis(writer string) link {
	return sha256.Sum256([]byte("avow ledger chain 1\n" + writer))
}

// A row is one row's immutable part, with its place.
type row struct {
	seq  int64
	kind int
	at   int64 // Unix time in milliseconds when it was committed
	body []byte
}

// follow is the link of a row: SHA-256 over the link before it and all of the row
// that never changes.
func (l link) follow(r row) link {
	buf := make([]byte, 0, 1024)
	buf = append(buf, "avow ledger row 1\n"...)
	buf = append(buf, l[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(r.seq))
	buf = binary.BigEndian.AppendUint64(buf, uint64(r.at))
	buf = append(buf, byte(r.kind))
	return sha256.Sum256(append(buf, r.body...))
}

// A salt hides what a digest is of, once it is gone.
type salt [16]byte

func newSalt() (s salt) {
	_, _ = rand.Read(s[:]) // never fails, see crypto/rand
	return s
}

func (s salt) digest(what string, data []byte) digest {
	h := sha256.New()
	_, _ = h.Write([]byte("avow ledger " + what + " 1\n"))
	_, _ = h.Write(s[:])
	_, _ = h.Write(data)
	return digest(h.Sum(nil))
}

func (s salt) print(data []byte) digest    { return s.digest("fingerprint", data) }
func (s salt) manifest(data []byte) digest { return s.digest("manifest", data) }

// headKeyInfo derives the key that signs heads from a watermark key.
const headKeyInfo = "avow ledger head 1"

// headKey is the key that signs a ledger's heads; nil for the zero key.
func headKey(k watermark.Key) ed25519.PrivateKey {
	if k.IsZero() {
		return nil
	}
	seed := k.Subkey(headKeyInfo)
	return ed25519.NewKeyFromSeed(seed[:])
}

// HeadKey is the public key of the heads that a ledger with this key signs; nil
// for the zero key.
func HeadKey(k watermark.Key) ed25519.PublicKey {
	if k.IsZero() {
		return nil
	}
	return headKey(k).Public().(ed25519.PublicKey)
}

// A point is a place in a chain: the last row before it, and that row's link.
type point struct {
	writer string
	seq    int64
	link   link
	at     int64
}

// statement is what a signature about a point covers.
func (p point) statement(what string) []byte {
	buf := fmt.Appendf(nil, "avow ledger %s 1\n", what)
	buf = binary.BigEndian.AppendUint64(buf, uint64(p.seq))
	buf = binary.BigEndian.AppendUint64(buf, uint64(p.at))
	buf = append(buf, p.link[:]...)
	return append(buf, p.writer...)
}

// A signature is a public key and what it signed: 32 and 64 bytes; both zero for
// a statement that nobody signed.
type signature [ed25519.PublicKeySize + ed25519.SignatureSize]byte

func (p point) sign(what string, key ed25519.PrivateKey) (s signature) {
	if key == nil {
		return s
	}
	copy(s[:], key.Public().(ed25519.PublicKey))
	copy(s[ed25519.PublicKeySize:], ed25519.Sign(key, p.statement(what)))
	return s
}

func (s *signature) key() ed25519.PublicKey { return s[:ed25519.PublicKeySize] }

func (s *signature) none() bool { return *s == signature{} }

// valid reports whether the signature is its key's own over this point.
func (s *signature) valid(what string, p point) bool {
	return ed25519.Verify(s.key(), p.statement(what), s[ed25519.PublicKeySize:])
}

// headVersion starts the body of a head, cutVersion that of a cut.
const (
	headVersion = 1
	cutVersion  = 1
)

// encodeHead is the body of a head: the signature over the row before it.
func encodeHead(s signature) []byte { return append([]byte{headVersion}, s[:]...) }

func decodeHead(data []byte) (s signature, err error) {
	if len(data) != 1+len(s) || data[0] != headVersion {
		return s, ErrRow
	}
	return signature(data[1:]), nil
}

// A cut says that all rows of a chain up to a point were deleted for their age.
type cutMark struct {
	seq, at int64
	link    link
	sig     signature
}

func (c cutMark) point(writer string) point { return point{writer, c.seq, c.link, c.at} }

func (c cutMark) encode() []byte {
	out := binary.BigEndian.AppendUint64([]byte{cutVersion}, uint64(c.seq))
	out = binary.BigEndian.AppendUint64(out, uint64(c.at))
	return append(append(out, c.link[:]...), c.sig[:]...)
}

func decodeCut(data []byte) (c cutMark, err error) {
	d := decoder{data: data}
	if d.byte() != cutVersion {
		return c, ErrRow
	}
	c.seq, c.at = int64(d.uint64()), int64(d.uint64())
	copy(c.link[:], d.take(len(c.link)))
	copy(c.sig[:], d.take(len(c.sig)))
	if d.failed || len(d.data) != 0 || c.seq < 0 {
		return cutMark{}, ErrRow
	}
	return c, nil
}

// An erasure names the row whose fingerprint and manifest were erased.
type erasure struct {
	id     watermark.Payload
	seq    int64
	writer string
}

const erasureVersion = 1

func (e erasure) encode() []byte {
	out := append([]byte{erasureVersion}, e.id[:]...)
	return appendText(binary.BigEndian.AppendUint64(out, uint64(e.seq)), e.writer)
}

func decodeErasure(data []byte) (e erasure, err error) {
	d := decoder{data: data}
	if d.byte() != erasureVersion {
		return e, ErrRow
	}
	copy(e.id[:], d.take(len(e.id)))
	e.seq, e.writer = int64(d.uint64()), d.text()
	if d.failed || len(d.data) != 0 || e.seq < 1 {
		return erasure{}, ErrRow
	}
	return e, nil
}

func millis(t time.Time) int64 { return t.UnixMilli() }

package disclose

import (
	"container/list"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/avowai/avow/watermark"
)

// ErrNoSession is returned for a session that is not, or no longer, known.
var ErrNoSession = errors.New("disclose: no such session")

// A SessionID is the pseudonym of a conversation: an HMAC-SHA256 of the value
// that names it. The value itself is never kept.
type SessionID [32]byte

// A Session is what is remembered about one conversation.
type Session struct {
	Noticed time.Time // when the notice was last given; zero for never
	Seen    time.Time // when the last answer was given
	Human   bool      // the last answer was a person's own
	Owed    bool      // the next answer has to carry the notice
}

// Sessions is the seam to what is remembered of conversations. Implementations
// are safe for concurrent use and may forget: an unknown session gets a notice
// too many, never one too few.
type Sessions interface {
	// Session returns what is known, or ErrNoSession.
	Session(ctx context.Context, id SessionID) (Session, error)
	PutSession(ctx context.Context, id SessionID, s Session) error
}

// Session returns the pseudonym of a conversation for the value of the header
// or cookie that names it. Without a Key it holds for this Marker only.
func (m *Marker) Session(value string) SessionID {
	h := hmac.New(sha256.New, m.sessionKey)
	_, _ = h.Write([]byte(value))
	return SessionID(h.Sum(nil))
}

// sessionKey derives the secret of the pseudonyms from a key (HKDF-SHA256, RFC
// 5869), or draws one for this process where there is none.
func sessionKey(k watermark.Key) []byte {
	secret := []byte(k.Secret())
	if k.IsZero() {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails, see crypto/rand
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "avow session pseudonym 1", 32)
	if err != nil {
		panic("disclose: HKDF of 32 bytes: " + err.Error()) // cannot happen: 32 <= 255*32
	}
	return key
}

// DefaultMemorySessions is how many sessions MemorySessions keep unless told
// otherwise.
const DefaultMemorySessions = 100_000

// MemorySessions keep the sessions seen last in memory. They are gone with the
// process. The zero value keeps DefaultMemorySessions.
type MemorySessions struct {
	mu     sync.Mutex
	max    int
	byID   map[SessionID]*list.Element
	latest list.List // of rememberedSession, the one seen last in front
}

type rememberedSession struct {
	id SessionID
	s  Session
}

var _ Sessions = (*MemorySessions)(nil)

// NewMemorySessions keeps at most max sessions; 0 means DefaultMemorySessions.
func NewMemorySessions(max int) *MemorySessions { return &MemorySessions{max: max} }

// Session returns what is known about a session, or ErrNoSession.
func (m *MemorySessions) Session(_ context.Context, id SessionID) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.byID[id]; e != nil {
		return e.Value.(*rememberedSession).s, nil
	}
	return Session{}, ErrNoSession
}

// PutSession keeps s, and forgets the session not seen for longest where there
// is no more room.
func (m *MemorySessions) PutSession(_ context.Context, id SessionID, s Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.byID[id]; e != nil {
		e.Value.(*rememberedSession).s = s
		m.latest.MoveToFront(e)
		return nil
	}
	if m.byID == nil {
		m.byID = map[SessionID]*list.Element{}
	}
	if m.latest.Len() >= orDefault(m.max, DefaultMemorySessions) {
		delete(m.byID, m.latest.Remove(m.latest.Back()).(*rememberedSession).id)
	}
	m.byID[id] = m.latest.PushFront(&rememberedSession{id, s})
	return nil
}

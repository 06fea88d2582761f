package middleware

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/avowai/avow/disclose"
)

// sessionWait bounds how long an answer waits for what is known of its session.
const sessionWait = 250 * time.Millisecond

// A talk is what is known about the conversation that an exchange belongs to.
type talk struct {
	named   bool // the request names a session
	id      disclose.SessionID
	known   bool // and it is remembered
	session disclose.Session
	asked   bool // the request asks for the notice
	joined  bool // known and session are looked up
	author  disclose.Author
}

// SetAuthor says who wrote the output of the current request: AI (also what is
// assumed), a person, or a person who reviewed what an AI system wrote. It has
// to be called before the first byte of the answer, by code that knows: what is
// declared a person's own leaves without any mark. Outside a request that is
// being marked it does nothing.
func SetAuthor(ctx context.Context, a disclose.Author) {
	if ex, ok := ctx.Value(contextKey{}).(*exchange); ok {
		ex.author.Store(int32(a))
	}
}

// RequireNotice has the answer to the current request carry the notice, whatever
// the turn and the cadence: an agent calls it at a key step, such as an
// authorisation, a report or a validation. Once the answer has begun without
// it, the next one of the same session carries it, where Notice.Session names
// sessions. Outside a request that is being marked it does nothing.
func RequireNotice(ctx context.Context) {
	if ex, ok := ctx.Value(contextKey{}).(*exchange); ok {
		ex.required.Store(true)
	}
}

// converse prepares what the rules of conversations need.
func (c *core) converse() (err error) {
	n := c.o.Notice
	if err = n.Check(); err != nil {
		return err
	}
	c.session, _ = parseSession(n.Session)
	c.minors = c.o.Disclose.Audience == disclose.AudienceMinors
	kept := c.sessions // of the proxy before this one
	c.now, c.sessions = c.o.Disclose.Now, n.Store
	if c.now == nil {
		c.now = time.Now
	}
	if of, ok := c.o.Disclose.Records.(disclose.Sessions); ok && c.sessions == nil {
		c.sessions = of
	}
	if c.sessions == nil {
		c.sessions = kept
	}
	if c.sessions == nil {
		c.sessions = disclose.NewMemorySessions(0)
	}
	if n.Session == "" && (c.timed() || c.minors) {
		c.log.Warn("the notice is repeated by time and no session is named: every answer gets it", "cadence", string(n.Cadence))
	}
	return nil
}

// by is who wrote the answer, as declared when it began: what is decided then
// and what its header says later have to agree.
func (ex *exchange) by() disclose.Author { return ex.talk.author }

// upstreamAuthor reads who wrote an upstream's answer. A value that says nothing
// known leaves it an AI's.
func (ex *exchange) upstreamAuthor(h http.Header) {
	values := h.Values(disclose.HeaderAuthor)
	if len(values) == 0 {
		return
	}
	author, ok := disclose.ParseAuthor(values[0])
	if !ok || len(values) > 1 {
		ex.c.log.Warn("the upstream names no known author; the answer counts as AI output",
			"header", disclose.HeaderAuthor, "want", "ai, human or human-reviewed", "route", ex.route.name)
		return
	}
	ex.author.Store(int32(author))
}

// listen notes what a request says about its conversation.
func (ex *exchange) listen(r *http.Request) {
	c := ex.c
	if value := c.session.of(r); value != "" {
		ex.talk.named, ex.talk.id = true, c.marker.Session(value)
	}
	if ex.cadence() == CadenceOnDemand {
		ex.talk.asked = demanded(r) || ex.request.AsksForDisclosure()
	}
}

// join settles, when the answer begins, who wrote it and what is known of the
// session. A store that cannot tell leaves that unknown.
func (ex *exchange) join(ctx context.Context) {
	t := &ex.talk
	t.author = disclose.Author(ex.author.Load())
	if t.joined || !t.named {
		return
	}
	t.joined = true
	ctx, cancel := context.WithTimeout(ctx, sessionWait)
	defer cancel()
	s, err := ex.c.sessions.Session(ctx, t.id)
	switch {
	case err == nil:
		t.session, t.known = s, true
	case !errors.Is(err, disclose.ErrNoSession):
		ex.c.log.Warn("sessions cannot be asked: the notice is given as in an unknown one", "error", err)
	}
}

// again reports whether a later turn gets the notice like a first one.
func (ex *exchange) again() bool {
	t, c := ex.talk, ex.c
	switch {
	case ex.required.Load() || t.session.Owed:
		return true
	case t.session.Human && ex.by() == disclose.AuthorAI:
		return true // the AI system is back
	case c.minors && Cadence3h.repeats(c.now(), t):
		return true
	}
	return ex.cadence().repeats(c.now(), t)
}

// handsOver reports whether a person takes over from the AI system.
func (ex *exchange) handsOver() bool {
	return ex.by() == disclose.AuthorHuman && ex.talk.known && !ex.talk.session.Human
}

// speaks reports whether something is to be put before a person's own text.
func (ex *exchange) speaks() bool { return ex.handsOver() || ex.route.observes != 0 }

// remember keeps what the answer changed in its session.
func (ex *exchange) remember(ctx context.Context, res disclose.Result) {
	t := ex.talk
	if !t.named {
		return
	}
	s := t.session
	s.Seen = ex.c.now()
	switch {
	case res.Notices&disclose.NoticeInteraction != 0:
		s.Noticed, s.Owed = s.Seen, false
	case ex.required.Load():
		s.Owed = true
	}
	switch ex.by() {
	case disclose.AuthorHuman:
		s.Human = true
	case disclose.AuthorAI:
		s.Human = false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sessionWait)
	defer cancel()
	if err := ex.c.sessions.PutSession(ctx, t.id, s); err != nil {
		ex.c.log.Warn("session not remembered: its next answer may repeat the notice", "error", err)
	}
}

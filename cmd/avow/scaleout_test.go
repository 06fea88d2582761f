package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	workers      = 4  // that ask at one time
	beforeKill   = 36 // whole answers before a member is killed
	afterKill    = 36 // and after it
	slowOfEach   = 3  // streams of each member that are open then
	maxSlow      = 40
	afterRestart = 12
)

// TestScaleOut runs two processes that share PostgreSQL behind a balancer, kills one
// of them in the midst of its streams, and starts it again. What a client got whole
// is recorded, whatever was cut does not look whole, and each process vouches for
// what the other one marked.
func TestScaleOut(t *testing.T) {
	f := newFleet(t)
	one, two := f.members[0], f.members[1]
	f.conversation(one, two, "before")

	slow := f.slowStreams()
	load := f.load()
	f.eventually("answers", func() bool { return load.whole.Load() >= beforeKill })
	f.kill(one)
	load.killed.Store(true)
	f.backend.release()
	f.eventually("answers after the kill", func() bool { return load.wholeAfter.Load() >= afterKill })
	outputs := append(load.end(), f.finish(slow)...)

	f.start(one)
	f.conversation(two, one, "after")
	again := f.load()
	f.eventually("answers of the member that came back", func() bool { return again.of(one) >= afterRestart })
	for _, o := range again.end() {
		if o.err != nil || o.status != http.StatusOK {
			t.Errorf("after the restart: %s of %s: %d, %v", o.kind, o.member, o.status, o.err)
		}
		outputs = append(outputs, o)
	}
	t.Run("records", func(t *testing.T) { f.checkRecords(t, outputs) })
	t.Run("chains", func(t *testing.T) { f.checkChains(t) })
	t.Run("pictures", func(t *testing.T) { f.checkPictures(t, outputs) })
	t.Run("manifests", func(t *testing.T) { f.checkManifests(t, outputs) })
	t.Run("leaving", func(t *testing.T) {
		for _, m := range f.members {
			if err := f.terminate(m); err != nil {
				t.Errorf("avow %s told to stop: %v", m.name, err)
			}
		}
		f.checkChains(t)
	})
}

// An output is an answer that came through the balancer.
type output struct {
	kind   string // chat, stream, picture or slow
	member string // that answered, "" where none did
	after  bool   // asked once a member had been killed
	reply
}

// whole reports whether the client got all of a successful answer.
func (o output) whole() bool { return o.err == nil && o.status == http.StatusOK }

// ids are the ids of the answer and of its pictures.
func (o output) ids() []string {
	if o.header == nil || o.header.Get("Avow-Id") == "" {
		return nil
	}
	return strings.Split(strings.ReplaceAll(o.header.Get("Avow-Id"), " ", ""), ",")
}

// A loader asks through the balancer until it is told to end.
type loader struct {
	f                 *fleet
	killed, stop      atomic.Bool
	whole, wholeAfter atomic.Int64
	wg                sync.WaitGroup
	mu                sync.Mutex
	outputs           []output
}

var requests = []struct{ kind, path, body string }{
	{"chat", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"Say something."}]}`},
	{"stream", "/v1/chat/completions", `{"model":"m","stream":true,"messages":[{"role":"user","content":"Say something."}]}`},
	{"picture", "/v1/images/generations", `{"prompt":"waves"}`},
}

func (f *fleet) load() *loader {
	l := &loader{f: f}
	for w := range workers {
		l.wg.Go(func() {
			for i := w; !l.stop.Load(); i++ {
				l.ask(i % len(requests))
			}
		})
	}
	return l
}

func (l *loader) ask(i int) {
	r := requests[i]
	o := output{kind: r.kind, after: l.killed.Load()}
	o.reply = l.f.ask("POST", l.f.balancer+r.path, []byte(r.body), "Content-Type", "application/json", "Accept-Language", "en")
	if o.header != nil {
		o.member = o.header.Get("X-Member")
	}
	l.mu.Lock()
	l.outputs = append(l.outputs, o)
	l.mu.Unlock()
	if o.whole() {
		l.whole.Add(1)
		if o.after {
			l.wholeAfter.Add(1)
		}
	}
}

// end waits for the answers in progress and returns all.
func (l *loader) end() []output {
	l.stop.Store(true)
	l.wg.Wait()
	return l.outputs
}

// of counts the whole answers of a member.
func (l *loader) of(m *member) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.outputs {
		if o.whole() && o.member == m.public {
			n++
		}
	}
	return n
}

// A begun answer has its header and its first event.
type begun struct {
	resp *http.Response
	body *bufio.Reader
	head []byte
}

// slowStreams opens streams until each member has some, all of which wait for the
// backend.
func (f *fleet) slowStreams() (all []begun) {
	f.t.Helper()
	of := map[string]int{}
	for of[f.members[0].public] < slowOfEach || of[f.members[1].public] < slowOfEach {
		if len(all) == maxSlow {
			f.t.Fatalf("the balancer spread streams as %v", of)
		}
		req, err := http.NewRequest("POST", f.balancer+"/v1/chat/completions", strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"Answer slowly."}]}`))
		if err != nil {
			f.t.Fatal(err)
		}
		resp, err := f.client.Do(req)
		if err != nil {
			f.t.Fatal(err)
		}
		f.t.Cleanup(func() { _ = resp.Body.Close() })
		b := begun{resp: resp, body: bufio.NewReader(resp.Body)}
		if b.head, err = b.body.ReadBytes('\n'); err != nil || resp.StatusCode != http.StatusOK {
			f.t.Fatalf("a stream began with %d, %q, %v", resp.StatusCode, b.head, err)
		}
		of[resp.Header.Get("X-Member")]++
		all = append(all, b)
	}
	return all
}

// finish reads the streams to their ends: those of the member that was killed are
// cut, and the others are whole.
func (f *fleet) finish(all []begun) (outputs []output) {
	f.t.Helper()
	for _, b := range all {
		rest, err := io.ReadAll(b.body)
		o := output{kind: "slow", member: b.resp.Header.Get("X-Member"), reply: reply{b.resp.StatusCode, b.resp.Header, append(b.head, rest...), err}}
		ended := bytes.HasSuffix(o.body, []byte("data: [DONE]\n\n"))
		switch killed := o.member == f.members[0].public; {
		case killed && (err == nil || bytes.Contains(o.body, []byte("[DONE]"))):
			f.t.Errorf("a stream of the killed member looks whole: %q", o.body)
		case !killed && (err != nil || !ended):
			f.t.Errorf("a stream of the other member ended with %q, %v", o.body, err)
		}
		outputs = append(outputs, o)
	}
	return outputs
}

// conversation has one member begin a conversation and another go on with it: the
// notice is given once. A conversation is remembered when its answer has ended, which
// a client may see a little earlier.
func (f *fleet) conversation(first, next *member, name string) {
	f.t.Helper()
	const hello = `{"role":"user","content":"Hello."}`
	history := "[" + hello + "]"
	known := f.sessions()
	for i, c := range []struct {
		what, session string
		m             *member
		noticed       bool
	}{
		{"the first answer", name, first, true},
		{"the next answer, of the other member", name, next, false},
		{"a later answer of a conversation that nobody knows", name + " unknown", next, true},
	} {
		r := f.ask("POST", "http://"+c.m.public+"/v1/chat/completions", []byte(`{"model":"m","messages":`+history+`}`),
			"Content-Type", "application/json", "Accept-Language", "en", "X-Conversation", c.session)
		var answer struct {
			Choices []struct{ Message struct{ Content string } }
		}
		if err := json.Unmarshal(r.body, &answer); r.err != nil || err != nil || len(answer.Choices) != 1 {
			f.t.Fatalf("%s: %d %q %v %v", c.what, r.status, r.body, r.err, err)
		}
		if got := !strings.HasPrefix(answer.Choices[0].Message.Content, "Answer number"); got != c.noticed {
			f.t.Errorf("%s (%s): notice %v, want %v: %q", c.what, name, got, c.noticed, answer.Choices[0].Message.Content)
		}
		if i == 0 {
			said, _ := json.Marshal(answer.Choices[0].Message.Content)
			history = `[` + hello + `,{"role":"assistant","content":` + string(said) + `},{"role":"user","content":"And now?"}]`
			f.eventually("the conversation is remembered", func() bool { return f.sessions() == known+1 })
		}
	}
}

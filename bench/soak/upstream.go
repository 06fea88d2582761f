package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avowai/avow/internal/loadtest"
)

// faultHeader asks the upstream for a fault. It passes the proxy as any other
// field does.
const faultHeader = "X-Soak-Fault"

// What an upstream does wrong.
const (
	breakOff   = "break"  // the connection ends in the middle
	stallFirst = "silent" // nothing is answered
	stallLater = "stall"  // half of an answer, and then nothing
	badJSON    = "bad"    // no JSON under the name of JSON
)

// standIn is the upstream.
type standIn struct {
	every    time.Duration
	pictures [pictures]func() []byte
	answers  atomic.Int64
}

// pictures is how many different pictures there are.
const pictures = 64

func upstream(c config) *http.Server {
	u := &standIn{every: c.every}
	for i := range u.pictures {
		u.pictures[i] = sync.OnceValue(func() []byte { return loadtest.Picture(uint64(i), c.side) })
	}
	srv := &http.Server{}
	srv.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/rest" { // the load is over: what is kept open is closed
			srv.SetKeepAlivesEnabled(false)
			return
		}
		u.answer(w, r)
	})
	return srv
}

func (u *standIn) answer(w http.ResponseWriter, r *http.Request) {
	asked, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	fault, number := r.Header.Get(faultHeader), u.answers.Add(1)
	switch {
	case fault == stallFirst:
		<-r.Context().Done()
	case bytes.Contains(asked, []byte(`"stream":true`)):
		u.stream(w, r, number, fault)
	case fault == badJSON:
		whole(w, []byte(notJSON), "")
	case strings.HasSuffix(r.URL.Path, "/images/generations"):
		whole(w, fmt.Appendf(nil, `{"created":1795392000,"data":[{"b64_json":%q}]}`,
			base64.StdEncoding.EncodeToString(u.pictures[number%pictures]())), fault)
	default:
		whole(w, fmt.Appendf(nil, chatAnswer, number), fault)
	}
}

// notJSON is what a chat route answers that has gone wrong inside.
const notJSON = `{"choices":[{"message":{"role":"assistant","content":"half an answer`

// chatAnswer is a whole answer of some 2 KiB.
var chatAnswer = `{"id":"chatcmpl-%d","object":"chat.completion","created":1795392000,"model":"soak","choices":[{"index":0,"message":{"role":"assistant","content":"` +
	strings.Repeat("The lamp turns once every ten seconds, and the ships far out count the dark between two flashes. ", 18) +
	`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":310,"total_tokens":329}}`

// whole sends a JSON answer, or half of it.
func whole(w http.ResponseWriter, body []byte, fault string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	if fault == breakOff {
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body)
}

// events is how many a stream has.
const events = 40

// stream sends numbered events.
func (u *standIn) stream(w http.ResponseWriter, r *http.Request, number int64, fault string) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	tick := time.NewTicker(u.every)
	defer tick.Stop()
	for n := range events {
		switch {
		case n != events/2:
		case fault == breakOff:
			panic(http.ErrAbortHandler)
		case fault == stallLater:
			<-r.Context().Done()
			return
		}
		_, err := fmt.Fprintf(w, `data: {"id":"chatcmpl-%d","object":"chat.completion.chunk","created":1795392000,"model":"soak","number":%d,"choices":[{"index":0,"delta":{"content":"a word "},"finish_reason":null}]}`+"\n\n", number, n)
		if err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

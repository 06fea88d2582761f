package middleware

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/avowai/avow/disclose"
)

// problemBase begins the type of every problem; the reason follows. It is an
// identifier, not a page.
const problemBase = "https://github.com/avowai/avow/problems/"

// A problem is an error answer (RFC 9457).
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
	// Error repeats the detail where the official OpenAI clients look for the
	// message that they show to a person.
	Error problemError `json:"error"`
	// wait is after how long it may help to ask again; 0 where that is not known.
	wait time.Duration
}

type problemError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// busyWait is after how long a full queue may have moved on.
const busyWait = 5 * time.Second

// problemOf says why an output is withheld and what to do about it.
func problemOf(held *disclose.Withheld) problem {
	p := problem{
		Type: problemBase + string(held.Reason), Title: "AI output withheld (" + string(held.Reason) + ")",
		Status: http.StatusBadGateway, Detail: held.Hint,
	}
	switch {
	case held.Reason == disclose.ReasonUpgrade:
		p.Status = http.StatusNotImplemented
	case held.Reason == disclose.ReasonLedgerDown:
		p.Status, p.wait = http.StatusServiceUnavailable, busyWait
	case errors.Is(held, disclose.ErrBusy):
		p.Status, p.wait = http.StatusServiceUnavailable, busyWait
		p.Detail = "More outputs are waiting to be marked than there is room for. Ask again later; limits.jobs and limits.queue say how many."
	}
	if p.Detail == "" {
		p.Detail = "The output could not be marked as this deployment requires. Try again; avow's log names the cause."
	}
	return p
}

// write sends the problem.
func (p problem) write(w http.ResponseWriter, r *http.Request) {
	if p.RequestID == "" {
		p.RequestID = newRequestID()
	}
	p.Error = problemError{Message: p.Title + ": " + p.Detail, Type: p.Type}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}") // cannot happen: strings and a number
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", p.RequestID)
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.wait+time.Second-1)/time.Second)))
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

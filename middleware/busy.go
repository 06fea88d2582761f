package middleware

import (
	"net/http"
	"time"
)

// Busy answers every request with 503, as application/problem+json (RFC 9457) of the
// type "busy", and asks to come back after wait, which is rounded up to a second; 0
// leaves Retry-After out. It is for programs that can take no more answers at one
// time.
func Busy(wait time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem{
			Type: problemBase + "busy", Title: "Too many answers in progress", Status: http.StatusServiceUnavailable, wait: wait,
			Detail: "Nothing was asked of the backend. Try again after Retry-After.",
		}.write(w, r)
	})
}

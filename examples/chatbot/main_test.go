package main

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswersAreMarked(t *testing.T) {
	h, err := routes()
	if err != nil {
		t.Fatal(err)
	}
	for lang, notice := range map[string]string{
		"en": "You are interacting with an AI system, not a human.\n\n",
		"de": "Sie interagieren mit einem KI-System",
	} {
		t.Run(lang, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/chat?q=hello", nil)
			r.Header.Set("Accept-Language", lang)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if body := w.Body.String(); !strings.HasPrefix(body, notice) || !strings.HasSuffix(body, "\n\nYou said \"hello\". Tell me more.\n") {
				t.Fatalf("body = %q, want the notice %q, a blank line and the answer", body, notice)
			}
			if v := w.Header().Get("AI-Disclosure"); !strings.Contains(v, "mode=machine-generated") || !strings.Contains(v, `provider="Example GmbH"`) {
				t.Errorf("AI-Disclosure = %q", v)
			}
			if id := w.Header().Get("Avow-Id"); len(id) != 16 {
				t.Errorf("Avow-Id = %q, want 16 digits", id)
			}
			if v := w.Header().Get("Avow-Outcome"); v != "marked" {
				t.Errorf("Avow-Outcome = %q, want marked", v)
			}
		})
	}
}

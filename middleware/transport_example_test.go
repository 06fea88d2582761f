package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

// An agent posts to a chat whose API takes {"text": …}.
func ExampleNewTransport() {
	chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println(string(body))
	}))
	defer chat.Close()

	text, err := disclose.NewPointers([]string{"/text"}, nil)
	if err != nil {
		panic(err)
	}
	transport, err := middleware.NewTransport(nil, middleware.TransportOptions{
		Disclose: disclose.Options{Provider: "Example GmbH", System: "assistant", Principal: "A. Customer"},
		Message: func(r *http.Request) (disclose.Output, bool) {
			return disclose.Output{Pointers: text}, r.URL.Path == "/messages"
		},
	})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	resp, err := client.Post(chat.URL+"/messages", "application/json", strings.NewReader(`{"text":"Is the table free?"}`))
	if err != nil {
		panic(err)
	}
	_ = resp.Body.Close()
	// Output: {"text":"You are interacting with an AI system, not a human. It acts on behalf of A. Customer.\n\nIs the table free?"}
}

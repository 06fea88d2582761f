// Command nethttp wraps a chatbot that streams, on net/http alone: the notice
// comes before the first generated word, everything after it as it is written.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8092", "address")
	flag.Parse()
	mark, err := middleware.New(middleware.Options{
		Disclose: disclose.Options{Provider: "Example GmbH", System: "storyteller"},
	})
	if err != nil {
		log.Fatal(err)
	}
	routes := http.NewServeMux()
	routes.Handle("POST /v1/chat/completions", mark(http.HandlerFunc(chat)))
	routes.HandleFunc("GET /about", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "A person wrote this page. It is not wrapped, and stays as it is.")
	})
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/v1/chat/completions\n", l.Addr())
	log.Fatal(http.Serve(l, routes))
}

func chat(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, word := range strings.Fields("Once upon a time there was a lighthouse.") { // your model goes here
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", word+" ")
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
}

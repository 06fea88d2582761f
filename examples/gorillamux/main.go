// Command gorillamux wraps one subrouter of gorilla/mux, and names the model of
// each answer.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8093", "address")
	flag.Parse()
	mark, err := middleware.New(middleware.Options{
		Disclose: disclose.Options{Provider: "Example GmbH", System: "assistant"},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := mux.NewRouter()
	r.HandleFunc("/about", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "A person wrote this page. It is not wrapped, and stays as it is.")
	})
	ai := r.PathPrefix("/v1").Subrouter()
	ai.Use(mark)
	ai.HandleFunc("/chat/completions", chat).Methods(http.MethodPost)
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/v1/chat/completions\n", l.Addr())
	log.Fatal(http.Serve(l, r))
}

func chat(w http.ResponseWriter, r *http.Request) {
	middleware.SetLabel(r.Context(), disclose.Label{Version: "2.1", Generator: "lamp-7b"})
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // your model goes here
		"id": "c1", "object": "chat.completion",
		"choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": "Hello."}}},
	})
}

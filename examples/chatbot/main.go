// Command chatbot wraps a chatbot on net/http and gorilla/mux: each answer
// starts with the notice and says in its header that a machine wrote it.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

func routes() (http.Handler, error) {
	mark, err := middleware.New(middleware.Options{
		Disclose: disclose.Options{Provider: "Example GmbH", System: "echo bot", Version: "1"},
	})
	if err != nil {
		return nil, err
	}
	r := mux.NewRouter()
	r.Use(mark)
	r.HandleFunc("/chat", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "You said %q. Tell me more.\n", r.FormValue("q")) // your model goes here
	})
	return r, nil
}

func main() {
	h, err := routes()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8090", h))
}

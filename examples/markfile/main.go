// Command markfile marks a file in Go, as the middleware would: the same Marker,
// without HTTP.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: markfile IN OUT")
	}
	key, err := watermark.GenerateKey() // keep yours: who loses it can no longer read the marks
	if err != nil {
		log.Fatal(err)
	}
	m, err := disclose.NewMarker(disclose.Options{Provider: "Example GmbH", System: "painter", Key: key})
	if err != nil {
		log.Fatal(err)
	}
	if err := markFile(m, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func markFile(m *disclose.Marker, in, out string) error {
	data, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w := m.NewWriter(context.Background(), f, disclose.Output{ContentType: http.DetectContentType(data), Whole: true})
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // a picture is held, marked and written here
		return err
	}
	res := w.Result()
	fmt.Printf("%s, id %s\n", disclose.OutcomeValue(res), res.Label.ID)
	return f.Close()
}

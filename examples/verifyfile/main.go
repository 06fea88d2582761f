// Command verifyfile verifies in Go, with a ledger: what a deployment has recorded
// is told from a mark that was copied onto something else.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: verifyfile PICTURE.png")
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, file string) error {
	picture, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "verifyfile-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	l, err := ledger.Open(ctx, ledger.Options{File: filepath.Join(dir, "ledger.db"), Key: key})
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	marked, err := mark(ctx, disclose.Options{Provider: "Example GmbH", System: "painter", Key: key, Records: l}, picture)
	if err != nil {
		return err
	}
	d, err := disclose.NewDetector(disclose.DetectorOptions{Keys: []disclose.VerifyKey{{Key: key}}, Records: l})
	if err != nil {
		return err
	}
	for _, data := range [][]byte{marked, picture} {
		report, err := d.Inspect(ctx, bytes.NewReader(data), disclose.Source{Name: file})
		if err != nil {
			return err
		}
		fmt.Printf("%s (%s): %s\n", report.Verdict, report.Reason, report.Summary)
	}
	return nil
}

func mark(ctx context.Context, o disclose.Options, picture []byte) ([]byte, error) {
	m, err := disclose.NewMarker(o)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := m.NewWriter(ctx, &out, disclose.Output{ContentType: "image/png", Whole: true})
	if _, err := w.Write(picture); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

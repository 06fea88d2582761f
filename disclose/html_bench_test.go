package disclose

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkHTML marks a page of 100 KB, with 40 elements and 16 KB of script in
// its head, in pieces as a server or a model writes them.
func BenchmarkHTML(b *testing.B) {
	page := []byte("<!doctype html><html lang=en><head><meta charset=utf-8>" + strings.Repeat(`<link rel="preload" href="/a.js" as="script">`, 38) +
		"<script>" + strings.Repeat("f(1<2,'</p>');\n", 1<<10) + "</script></head><body><main>" + strings.Repeat("<p>Some generated text.</p>\n", 3<<10) + "</main></body></html>")
	m := newTestMarker(b, nil)
	for _, piece := range []int{len(page), 4096, 16, 1} {
		b.Run(fmt.Sprintf("piece-%d", piece), func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				w := m.NewWriter(context.Background(), io.Discard, pageOutput)
				for at := 0; at < len(page); at += piece {
					if _, err := w.Write(page[at:min(at+piece, len(page))]); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil || !w.Result().Notice {
					b.Fatal(err, w.Result())
				}
			}
		})
	}
}

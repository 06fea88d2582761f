package disclose

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkTextFingerprint: what the fingerprint of its text adds to an answer of
// 2 KiB and to one delta of a stream.
func BenchmarkTextFingerprint(b *testing.B) {
	answer := []byte(strings.Replace(chatAnswer, "Hello", quoted(prose(42)), 1))
	var events [][]byte
	for _, d := range deltas(prose(400)) {
		events = append(events, []byte("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"+quoteJSON(d)+"},\"finish_reason\":null}]}\n\n"))
	}
	for _, off := range []bool{true, false} {
		m := newTestMarker(b, func(o *Options) {
			o.Key, o.Records, o.NoFingerprints = newTestKey(b), NewMemoryRecords(100), off
		})
		name := map[bool]string{true: "without", false: "with"}[off]
		b.Run(fmt.Sprintf("json-%d/%s", len(answer), name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := m.NewWriter(context.Background(), io.Discard, Output{ContentType: "application/json", Shape: ShapeOpenAIChat})
				if _, err := w.Write(answer); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, out := range []Output{{}, {NoFrames: ReasonOffsets}} {
			out.ContentType, out.Shape = "text/event-stream", ShapeOpenAIChat
			b.Run(fmt.Sprintf("event-frames=%v/%s", out.NoFrames == ReasonNone, name), func(b *testing.B) {
				w := m.NewWriter(context.Background(), io.Discard, out)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if i%len(events) == 0 { // a text of the length that texts have
						w = m.NewWriter(context.Background(), io.Discard, out)
					}
					if _, err := w.Write(events[i%len(events)]); err != nil {
						b.Fatal(err)
					}
					i++
				}
			})
		}
	}
}

// quoted is the inside of a JSON string.
func quoted(text string) string { q := quoteJSON(text); return q[1 : len(q)-1] }

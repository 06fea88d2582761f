package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// alternate runs one in rounds against both proxies in turn and prints the row.
func alternate(name string, c config, bare, avow *child, one func(*child) (time.Duration, error)) error {
	var bares, avows, added []time.Duration
	for i := range c.rounds + 1 {
		b, err := round(c.requests, func() (time.Duration, error) { return one(bare) })
		if err != nil {
			return err
		}
		a, err := round(c.requests, func() (time.Duration, error) { return one(avow) })
		if err != nil {
			return err
		}
		if i == 0 {
			continue // warm-up
		}
		bares, avows, added = append(bares, b), append(avows, a), append(added, a-b)
	}
	fmt.Printf("| %s | %.1f µs | %.1f µs | %.1f µs |\n", name, us(median(bares)), us(median(avows)), us(median(added)))
	return nil
}

// round returns the median of n runs.
func round(n int, one func() (time.Duration, error)) (time.Duration, error) {
	all := make([]time.Duration, n)
	for i := range all {
		d, err := one()
		if err != nil {
			return 0, err
		}
		all[i] = d
	}
	return median(all), nil
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func us(d time.Duration) float64 { return float64(d) / 1e3 }

func post(ctx context.Context, c *child, stream bool) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/chat/completions", strings.NewReader(chatRequest))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if stream {
		req.Header.Set("X-Bench", "stream")
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		err = fmt.Errorf("%s answered %s", c.name, resp.Status)
	}
	return resp, err
}

// jsonLatency: a whole 1.4 KB chat answer over a kept connection.
func jsonLatency(c config, bare, avow *child) error {
	return alternate(fmt.Sprintf("chat JSON, %d bytes, p50", len(chatAnswer)), c, bare, avow, func(p *child) (time.Duration, error) {
		start := time.Now()
		resp, err := post(context.Background(), p, false)
		if err != nil {
			return 0, err
		}
		body, err := io.ReadAll(resp.Body)
		took := time.Since(start)
		_ = resp.Body.Close()
		if p.name == "avow" && !bytes.Contains(body, []byte("interacting with an AI system")) {
			return 0, fmt.Errorf("the notice is missing: %.100s", body)
		}
		return took, err
	})
}

// firstEvent: from the request to the first event of a stream.
func firstEvent(c config, bare, avow *child) error {
	c.requests = max(1, c.requests/5)
	return alternate("first SSE event, p50", c, bare, avow, func(p *child) (time.Duration, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		start := time.Now()
		resp, err := post(ctx, p, true)
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = bufio.NewReader(resp.Body).ReadString('\n')
		return time.Since(start), err
	})
}

// perEvent: one event after the splice, in the writer alone.
func perEvent(config, *child, *child) error {
	marker, err := disclose.NewMarker(disclose.Options{Provider: "Example GmbH", System: "assistant"})
	if err != nil {
		return err
	}
	r := testing.Benchmark(func(b *testing.B) {
		w := marker.NewWriter(context.Background(), io.Discard, disclose.Output{
			ContentType: "text/event-stream", Shape: disclose.ShapeOpenAIChat})
		next := []byte(event("word "))
		for range 3 {
			_, _ = w.Write(next)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if _, err := w.Write(next); err != nil {
				b.Fatal(err)
			}
		}
	})
	fmt.Printf("| SSE event after the splice, %d bytes | | %.2f µs, %d allocations | |\n",
		len(event("word ")), float64(r.NsPerOp())/1e3, r.AllocsPerOp())
	return nil
}

// streamMemory: the resident set of each proxy with many open streams.
func streamMemory(c config, bare, avow *child) error {
	per := map[string]float64{}
	for _, p := range []*child{bare, avow} {
		ctx, cancel := context.WithCancel(context.Background())
		size, err := residentWith(ctx, p, c.streams)
		cancel()
		if err != nil {
			return err
		}
		per[p.name] = float64(size) / float64(c.streams) / 1024
	}
	fmt.Printf("| resident set / %d open streams | %.1f KiB | %.1f KiB | %.1f KiB |\n",
		c.streams, per["bare"], per["avow"], per["avow"]-per["bare"])
	return nil
}

func residentWith(ctx context.Context, p *child, streams int) (int64, error) {
	client := &http.Transport{}
	defer client.CloseIdleConnections()
	for range streams {
		resp, err := post(ctx, p, true)
		if err != nil {
			return 0, err
		}
		go func() { _, _ = io.Copy(io.Discard, resp.Body) }()
	}
	time.Sleep(10 * time.Second) // five events each
	return p.resident()
}

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
	"github.com/avowai/avow/watermark"
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

func post(ctx context.Context, c *child, s benchShape, stream bool) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+s.path, strings.NewReader(s.ask))
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

// jsonLatency: a whole answer of every shape over a kept connection.
func jsonLatency(c config, bare, avow *child) error {
	for i, s := range benchShapes {
		if i > 0 { // the first shape is the headline, and gets the most rounds
			c.requests = max(1, min(c.requests, 500))
		}
		if s.whole == "" {
			continue
		}
		if err := shapeLatency(c, s, bare, avow); err != nil {
			return err
		}
	}
	return nil
}

func shapeLatency(c config, s benchShape, bare, avow *child) error {
	return alternate(fmt.Sprintf("%s JSON, %d bytes, p50", s.name, len(s.whole)), c, bare, avow, func(p *child) (time.Duration, error) {
		start := time.Now()
		resp, err := post(context.Background(), p, s, false)
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
		resp, err := post(ctx, p, benchShapes[0], true)
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		_, err = bufio.NewReader(resp.Body).ReadString('\n')
		return time.Since(start), err
	})
}

// perEvent: one event of every shape in the writer alone, once with the field
// and the notice in place and nothing else due, once with text marks due.
func perEvent() error {
	fmt.Println("\n| one event in the writer alone | bytes | after the splice | with text marks |\n| --- | --- | --- | --- |")
	key, err := watermark.GenerateKey()
	if err != nil {
		return err
	}
	for _, s := range benchShapes {
		plain, err := eventCost(s, watermark.Key{})
		if err != nil {
			return err
		}
		marked, err := eventCost(s, key)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %d | %s | %s |\n", s.name, len(s.event("lighthouse ")), plain, marked)
	}
	return nil
}

// eventCost writes a long text again and again, one word an event.
func eventCost(s benchShape, key watermark.Key) (string, error) {
	marker, err := disclose.NewMarker(disclose.Options{Provider: "Example GmbH", System: "assistant", Key: key})
	if err != nil {
		return "", err
	}
	var events [][]byte
	for _, word := range strings.SplitAfter(prose, " ") {
		events = append(events, []byte(s.event(word)))
	}
	var failed error
	r := testing.Benchmark(func(b *testing.B) {
		w := marker.NewWriter(context.Background(), io.Discard, disclose.Output{ContentType: s.stream, Shape: s.shape})
		if s.shape == disclose.ShapeUIMessage { // whose field goes into the part that starts a message
			_, failed = io.WriteString(w, "data: {\"type\":\"start\"}\n\n")
		}
		for _, e := range events[:3] {
			_, failed = w.Write(e)
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			if _, err := w.Write(events[i%len(events)]); err != nil {
				failed = err
				return
			}
		}
	})
	return fmt.Sprintf("%.2f µs, %d allocations", float64(r.NsPerOp())/1e3, r.AllocsPerOp()), failed
}

// streamMemory: what the resident set of each proxy grows by when as many
// streams again are open. The first ones fill what a process holds once, such
// as its records and its free heap.
func streamMemory(c config, bare, avow *child) error {
	per := map[string]float64{}
	for _, p := range []*child{bare, avow} {
		ctx, cancel := context.WithCancel(context.Background())
		grown, err := growth(ctx, p, c.streams)
		cancel()
		if err != nil {
			return err
		}
		per[p.name] = float64(grown) / float64(c.streams) / 1024
	}
	fmt.Printf("| resident set per open stream, from %d to %d | %.1f KiB | %.1f KiB | %.1f KiB |\n",
		c.streams, 2*c.streams, per["bare"], per["avow"], per["avow"]-per["bare"])
	return nil
}

// growth returns the bytes by which as many open streams again enlarge p.
func growth(ctx context.Context, p *child, streams int) (int64, error) {
	var size [2]int64
	for i := range size {
		for range streams {
			resp, err := post(ctx, p, benchShapes[0], true)
			if err != nil {
				return 0, err
			}
			go func() { _, _ = io.Copy(io.Discard, resp.Body) }()
		}
		time.Sleep(10 * time.Second) // five events each
		var err error
		if size[i], err = p.own.Resident(); err != nil {
			return 0, err
		}
	}
	return size[1] - size[0], nil
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// streamed is what became of many streams.
type streamed struct {
	mu       sync.Mutex
	whole    int
	events   int
	lost     int // missing, twice or out of order
	failed   int
	firstErr error
	delays   []time.Duration
	took     time.Duration
	resident int64 // of the proxy while all were open
	idle     int64 // before any was
}

func openStreams(b *bench) error {
	fmt.Printf("\n## %d streams, %.0f events a second\n\n", b.c.streams, float64(b.c.streams)/b.c.every.Seconds())
	fmt.Println("| proxy | whole streams | events | lost or out of order | failed | delay p50 | p99 | p99.9 | resident set a stream |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	var p99 []time.Duration
	for _, kind := range []string{"bare", "lean", "avow"} {
		s, err := b.streamThrough(kind)
		if err != nil {
			return err
		}
		slices.Sort(s.delays)
		p99 = append(p99, quantile(s.delays, .99))
		fmt.Printf("| %s | %d of %d | %d | %d | %d | %.1f ms | %.1f ms | %.1f ms | %.1f KiB |\n", kind, s.whole, b.c.streams, s.events, s.lost, s.failed,
			ms(quantile(s.delays, .5)), ms(quantile(s.delays, .99)), ms(quantile(s.delays, .999)), float64(s.resident-s.idle)/1024/float64(b.c.streams))
		if s.firstErr != nil {
			fmt.Println("\nfirst failure:", s.firstErr)
		}
	}
	fmt.Printf("\nDelay from the backend's write to the client's read, backend and client included; p99 of avow against the bare proxy: %.2f.\nThe lean proxy is a bare one with buffers as small as avow's.\n",
		float64(p99[2])/float64(p99[0]))
	return nil
}

func (b *bench) streamThrough(kind string) (*streamed, error) {
	proxy, err := b.proxy(kind)
	if err != nil {
		return nil, err
	}
	defer func() { _ = proxy.Stop() }()
	s := &streamed{}
	if s.idle, err = proxy.Resident(); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true, WriteBufferSize: 1 << 10, ReadBufferSize: 2 << 10}}
	var wg sync.WaitGroup
	pause := b.c.ramp / time.Duration(b.c.streams)
	start := time.Now()
	for i := range b.c.streams {
		time.Sleep(time.Until(start.Add(time.Duration(i) * pause)))
		wg.Go(func() { s.follow(client, proxy.URL, b.c.events) })
	}
	if s.resident, err = proxy.Resident(); err != nil { // all are open now
		return nil, err
	}
	wg.Wait()
	s.took = time.Since(start)
	return s, nil
}

const askStream = `{"model":"load","stream":true,"messages":[{"role":"user","content":"Tell me of the sea."}]}`

// follow reads one stream to its end.
func (s *streamed) follow(client *http.Client, url string, want int) {
	delays, lost, whole, err := readStream(client, url, want)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events += len(delays)
	s.lost += lost
	s.delays = append(s.delays, delays...)
	if whole {
		s.whole++
	}
	if err != nil {
		s.failed++
		s.firstErr = errors.Join(s.firstErr, err)
		if s.failed > 1 {
			s.firstErr = errors.Unwrap(s.firstErr)
		}
	}
}

func readStream(client *http.Client, url string, want int) (delays []time.Duration, lost int, whole bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(askStream))
	if err != nil {
		return nil, 0, false, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, want, false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, want, false, errors.New(resp.Status)
	}
	next := 0
	in := bufio.NewReaderSize(resp.Body, 1<<10)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return delays, lost + want - next, whole && next == want, nil
		}
		if bytes.HasPrefix(line, []byte("data: [DONE]")) {
			whole = true
			continue
		}
		number, sent := member(line, `"number":`), member(line, `"sent":`)
		if number < 0 {
			continue
		}
		if int(number) != next {
			lost++
		}
		next = int(number) + 1
		delays = append(delays, time.Duration(time.Now().UnixNano()-sent))
	}
}

// member is a number in an event, -1 for none.
func member(line []byte, name string) int64 {
	i := bytes.Index(line, []byte(name))
	if i < 0 {
		return -1
	}
	rest := line[i+len(name):]
	end := bytes.IndexAny(rest, ",}")
	n, err := strconv.ParseInt(string(rest[:max(end, 0)]), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

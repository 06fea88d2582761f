package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avowai/avow/internal/loadtest"
)

const askChat = `{"model":"load","messages":[{"role":"user","content":"Tell me of the sea."}]}`

// chatAnswers: whole answers over kept connections, as fast as they go.
func chatAnswers(b *bench) error {
	fmt.Printf("\n## Chat answers, %d clients\n\n| proxy | answers a second, median of %d rounds |\n| --- | --- |\n", b.c.clients, b.c.rounds)
	rates := map[string][]float64{}
	proxies := map[string]*loadtest.Process{}
	kinds := []string{"bare", "avow"}
	for _, kind := range kinds {
		p, err := b.proxy(kind)
		if err != nil {
			return err
		}
		defer func() { _ = p.Stop() }()
		proxies[kind] = p
	}
	for i := range b.c.rounds + 1 {
		for _, kind := range kinds {
			rate, err := b.ask(proxies[kind])
			if err != nil {
				return err
			}
			if i > 0 { // the first is a warm-up
				rates[kind] = append(rates[kind], rate)
			}
		}
	}
	median := map[string]float64{}
	for _, kind := range kinds {
		slices.Sort(rates[kind])
		median[kind] = rates[kind][len(rates[kind])/2]
		fmt.Printf("| %s | %.0f |\n", kind, median[kind])
	}
	fmt.Printf("\navow against the bare proxy: %.2f. With a ledger, each answer of avow has its record on disk before its last byte leaves.\n", median["avow"]/median["bare"])
	return nil
}

// ask asks for a round and returns the answers a second.
func (b *bench) ask(p *loadtest.Process) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: b.c.clients}}
	defer client.CloseIdleConnections()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	for range b.c.clients {
		wg.Go(func() {
			for time.Since(start) < b.c.round && failed.Load() == nil {
				if err := askOnce(client, p.URL+"/v1/chat/completions", askChat); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("%s: %w", p.Name, *err)
	}
	return float64(done.Load()) / time.Since(start).Seconds(), nil
}

func askOnce(client *http.Client, url, question string) error {
	resp, err := client.Post(url, "application/json", strings.NewReader(question))
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return err
}

// tooManyPictures asks for more pictures at one time than the pool has room for.
func tooManyPictures(b *bench) error {
	p, err := b.proxy("avow")
	if err != nil {
		return err
	}
	defer func() { _ = p.Stop() }()
	var mu sync.Mutex
	counts := map[string]int{}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	deepest := make(chan float64)
	go func() { deepest <- watchQueue(p, stop) }()
	for range b.c.pictures {
		wg.Go(func() {
			outcome := askPicture(p.URL)
			mu.Lock()
			counts[outcome]++
			mu.Unlock()
		})
	}
	wg.Wait()
	close(stop)
	rss, err := p.Resident()
	if err != nil {
		return err
	}
	fmt.Printf("\n## %d pictures of %d x %d at one time\n\n| answer | pictures |\n| --- | --- |\n", b.c.pictures, b.c.side, b.c.side)
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Printf("| %s | %d |\n", k, counts[k])
	}
	fmt.Printf("\nLargest `avow_image_queue_depth` seen: %.0f; resident set afterwards: %d MiB.\n", <-deepest, rss>>20)
	return nil
}

func askPicture(url string) string {
	resp, err := http.Post(url+"/v1/images/generations", "application/json", strings.NewReader(`{"prompt":"noise"}`))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	out := resp.Status + ", " + resp.Header.Get("Avow-Outcome")
	if again := resp.Header.Get("Retry-After"); again != "" {
		out += ", Retry-After: " + again
	}
	return out
}

// watchQueue returns the largest depth of the queue until stop closes.
func watchQueue(p *loadtest.Process, stop <-chan struct{}) (deepest float64) {
	for {
		select {
		case <-stop:
			return deepest
		case <-time.After(50 * time.Millisecond):
			if m, err := p.Metrics(); err == nil {
				deepest = max(deepest, m["avow_image_queue_depth"])
			}
		}
	}
}

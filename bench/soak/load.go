package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// kinds of load, with their share of 20.
var kinds = []struct {
	name, path, question string
	share                int
}{
	{"stream", chatPath, askStream, 14},
	{"JSON", chatPath, askChat, 5},
	{"picture", picturePath, askPicture, 1},
}

// warmUp asks once for everything, so that what is made on first use is there.
func (s *soak) warmUp() {
	for _, k := range kinds {
		s.askOne(k.name, k.path, k.question)
	}
	s.questions(context.Background())
}

// keepAsking asks at a steady rate until stop closes, and waits for the answers.
func (s *soak) keepAsking(stop <-chan struct{}) {
	var wg sync.WaitGroup
	defer wg.Wait()
	pause := time.Duration(float64(time.Second) / s.c.rate)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Until(s.began.Add(time.Duration(i) * pause))):
		}
		place := rand.IntN(20)
		for _, k := range kinds {
			if place -= k.share; place < 0 {
				wg.Go(func() { s.askOne(k.name, k.path, k.question) })
				break
			}
		}
	}
}

// askOne asks for one answer, which has to come whole and marked. Only a picture may
// be turned away, when there are too many.
func (s *soak) askOne(kind, path, question string) {
	a, err := s.ask(context.Background(), path, question, "")
	switch {
	case err != nil:
		s.broke("an answer was lost (%s): %v", kind, err)
	case kind == "picture" && turnedAway(a):
		s.count(kind + ": turned away with 503")
	case a.marked() != nil:
		s.broke("an answer was not as promised (%s): %v", kind, a.marked())
	default:
		s.came(kind, a)
	}
}

// turnedAway reports whether there was no room, and it was said when to come again.
func turnedAway(a answer) bool {
	return a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != ""
}

// came notes a whole answer, which the ledger has to know.
func (s *soak) came(kind string, a answer) {
	var file []byte
	if kind == "picture" {
		var err error
		if file, err = pictureOf(a.body); err != nil {
			s.broke("a picture cannot be read: %v", err)
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	outcome := a.header.Get("Avow-Outcome")
	s.counts[kind+": "+outcome]++
	for id := range strings.SplitSeq(a.header.Get("Avow-Id"), ", ") {
		s.answers[id] = true
	}
	if file != nil && outcome == "marked" {
		s.picture = append(s.picture, file)
		s.picture = s.picture[max(0, len(s.picture)-8):]
	}
}

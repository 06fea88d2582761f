package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // another program at the ledger

	"github.com/avowai/avow/internal/loadtest"
)

// A fault is something that goes wrong under load, or a question that comes in between.
type fault struct {
	name string
	do   func(*soak, context.Context)
}

var faults = []fault{
	{"the backend breaks off", (*soak).backendBreaksOff},
	{"the backend goes silent", (*soak).backendGoesSilent},
	{"clients leave", (*soak).clientsLeave},
	{"an answer is no JSON", (*soak).answerIsNoJSON},
	{"more pictures than there is room for", (*soak).tooManyPictures},
	{"questions to the verification service", (*soak).questions},
	{"another program holds the ledger for three seconds", (*soak).ledgerIsHeld},
	{"SIGHUP", (*soak).hangUp},
}

// keepFailing brings about one fault after the other until stop closes.
func (s *soak) keepFailing(stop <-chan struct{}) {
	tick := time.NewTicker(s.c.between)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		f := faults[i%len(faults)]
		s.mu.Lock()
		s.faults = append(s.faults, f.name)
		s.mu.Unlock()
		f.do(s, context.Background())
	}
}

// together runs n at one time.
func together(n int, do func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(do)
	}
	wg.Wait()
}

// backendBreaksOff: nothing comes whole that was not.
func (s *soak) backendBreaksOff(ctx context.Context) {
	together(8, func() {
		a, err := s.ask(ctx, chatPath, askStream, breakOff)
		if err == nil || a.streams.done || a.streams.events > events/2 {
			s.broke("a stream that broke off came to an end: %v, %+v", err, a.streams)
			return
		}
		s.count("fault: stream broken off by the backend")
	})
	for _, path := range []string{chatPath, picturePath} {
		together(4, func() {
			a, err := s.ask(ctx, path, askChat, breakOff)
			if err != nil || a.status != http.StatusBadGateway {
				s.broke("half a held answer did not become a 502: %d, %v", a.status, err)
				return
			}
			s.count("fault: half an answer, told as 502")
		})
	}
}

// backendGoesSilent: whoever waits for it gives up, and nothing stays behind.
func (s *soak) backendGoesSilent(ctx context.Context) {
	for _, fault := range []string{stallFirst, stallLater} {
		together(8, func() {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			if a, err := s.ask(ctx, chatPath, askStream, fault); err == nil {
				s.broke("a silent backend got an answer: %d", a.status)
				return
			}
			s.count("fault: silent backend, client gave up")
		})
	}
}

// clientsLeave in the middle of their streams.
func (s *soak) clientsLeave(ctx context.Context) {
	together(50, func() {
		whole := time.Duration(events) * s.c.every
		ctx, cancel := context.WithTimeout(ctx, time.Duration(rand.Int64N(int64(whole*3/4))))
		defer cancel()
		if _, err := s.ask(ctx, chatPath, askStream, ""); err != nil {
			s.count("fault: client left")
		}
	})
}

// answerIsNoJSON: it passes as it is, with the header, and says what is missing.
func (s *soak) answerIsNoJSON(ctx context.Context) {
	together(8, func() {
		a, err := s.ask(ctx, chatPath, askChat, badJSON)
		if err != nil || a.status != http.StatusOK || string(a.body) != notJSON || !strings.HasPrefix(a.header.Get("Avow-Outcome"), "degraded") ||
			a.header.Get("AI-Disclosure") == "" {
			s.broke("no JSON did not pass as it is: %d, %q, %v", a.status, a.header.Get("Avow-Outcome"), err)
			return
		}
		s.came("fault: no JSON", a)
	})
}

// tooManyPictures: each is marked or turned away.
func (s *soak) tooManyPictures(context.Context) {
	together(120, func() { s.askOne("picture", picturePath, askPicture) })
}

// questions: about two pictures of ours, one that is not, and one that is none.
func (s *soak) questions(ctx context.Context) {
	s.mu.Lock()
	ours := s.picture[:min(len(s.picture), 2)]
	s.mu.Unlock()
	for _, file := range ours {
		s.question(ctx, file, "verified (record_matches)")
	}
	s.question(ctx, loadtest.Picture(rand.Uint64(), s.c.side), "absent (nothing_found)")
	if status, _, err := s.verify(ctx, "image/png", []byte("no picture")); err != nil || status >= http.StatusInternalServerError {
		s.broke("a question without a picture: %d, %v", status, err)
	}
}

func (s *soak) question(ctx context.Context, file []byte, want string) {
	status, got, err := s.verify(ctx, "image/png", file)
	switch {
	case err == nil && status == http.StatusOK && got == want:
		s.count("question: " + want)
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		s.count(fmt.Sprintf("question: turned away with %d", status))
	default:
		s.broke("a question was answered wrongly: %d %s, want %s: %v", status, got, want, err)
	}
}

// ledgerIsHeld: what cannot be written waits in memory, and is written later.
func (s *soak) ledgerIsHeld(ctx context.Context) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.avow.Data, "ledger.db")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		s.broke("the ledger cannot be held: %v", err)
		return
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		s.broke("the ledger cannot be held: %v", err)
		return
	}
	time.Sleep(3 * time.Second)
	if err := tx.Rollback(); err != nil {
		s.broke("the ledger cannot be let go: %v", err)
	}
	s.count("fault: ledger held")
}

// hangUp has the configuration read anew, where this version knows how to.
func (s *soak) hangUp(context.Context) {
	m, err := s.avow.Metrics()
	if err != nil {
		s.broke("no metrics: %v", err)
		return
	}
	if _, knows := m["avow_config_last_reload_success_timestamp_seconds"]; !knows {
		s.count("fault: SIGHUP left out, this version does not read its configuration anew")
		return
	}
	if err := s.avow.Signal(syscall.SIGHUP); err != nil {
		s.broke("SIGHUP: %v", err)
	}
	s.count("fault: SIGHUP")
}

package cli

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// maxFiles bounds the files of one comparison, which keeps their names.
const maxFiles = 1_000_000

var imageExtensions = []string{".png", ".jpg", ".jpeg", ".webp"}

// isTerminal reports whether a stream is a person's.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A progressBar shows how many of several files are done, on a terminal only.
type progressBar struct {
	mu    sync.Mutex
	a     *app
	total int
	count int
	on    bool
}

func (a *app) progress(total int) *progressBar {
	return &progressBar{a: a, total: total, on: total > 1 && isTerminal(a.err)}
}

func (p *progressBar) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	if !p.on {
		return
	}
	const width = 30
	full := width * p.count / p.total
	_, _ = fmt.Fprintf(p.a.err, "\r[%s%s] %d/%d", strings.Repeat("=", full), strings.Repeat(" ", width-full), p.count, p.total)
}

// aside prints something else, with the bar out of the way.
func (p *progressBar) aside(fn func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on {
		_, _ = fmt.Fprint(p.a.err, "\r\x1b[K")
	}
	return fn()
}

func (p *progressBar) done() {
	if p.on {
		_, _ = fmt.Fprint(p.a.err, "\r\x1b[K")
	}
}

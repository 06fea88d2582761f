package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A body reads at most left bytes, as long as ctx lasts.
type body struct {
	ctx    context.Context
	r      io.ReadCloser
	left   int64
	read   int64
	cancel context.CancelFunc
	err    error
}

// Read reads on, and says at the limit that there is more.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more than allowed tells a longer body from one that ends here
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if int64(n) > b.left {
		n = int(b.left)
		err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.read-1)
	}
	b.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF), errors.Is(err, ErrTooLarge):
		b.err = err
	default:
		b.err = unreachable(b.ctx, err)
	}
	return n, b.err
}

// Close ends the connection.
func (b *body) Close() error {
	b.cancel()
	return b.r.Close()
}

const (
	maxValue  = 4096 // bytes of a field's value that is kept
	maxValues = 8    // of one name
)

// kept are the fields of a response that say something about its origin.
var kept = []string{"AI-Disclosure", "Avow-Id", "Avow-Outcome", "Content-Type", "Content-Language", "Content-Usage", "Last-Modified", "Link"}

// origin are the fields that are kept, "_" standing for "-" as some servers have
// it.
func origin(all http.Header) http.Header {
	out := http.Header{}
	for name, values := range all {
		if !isKept(name) {
			continue
		}
		for _, v := range values[:min(len(values), maxValues)] {
			if len(v) <= maxValue {
				out[name] = append(out[name], v)
			}
		}
	}
	return out
}

func isKept(name string) bool {
	name = strings.ReplaceAll(name, "_", "-")
	for _, k := range kept {
		if strings.EqualFold(name, k) {
			return true
		}
	}
	return false
}

package ledger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark"
)

// TestRekey: heads are signed under the new key, and both have to be known to check
// them.
func TestRekey(t *testing.T) {
	eachDatabase(t, func(t *testing.T, p place) {
		l := p.open()
		mustPut(t, l, bare(1))
		l.Rekey(testKey(2))
		mustPut(t, l, bare(2))
		mustClose(t, l) // signs the head
		for _, c := range []struct {
			keys   []watermark.Key
			intact bool
		}{{[]watermark.Key{testKey(1), testKey(2)}, true}, {[]watermark.Key{testKey(1)}, false}} {
			o := readOnly(p.o)
			o.Key, o.VerifyKeys = watermark.Key{}, c.keys
			if v := mustVerify(t, place{o, t}.open()); v.Intact() != c.intact {
				t.Errorf("with %d keys: %v, want intact %v", len(c.keys), v.Problems, c.intact)
			}
		}
		r := place{readOnly(p.o), t}.open()
		r.Rekey(testKey(3)) // signs nothing anyway
	})
}

func TestPrintedOptionsHoldNoPassword(t *testing.T) {
	o := Options{URL: "postgres://u:canary@h:5432/n?password=canary#canary", File: "ledger.db"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{o, &o, []Options{o}} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "canary") || !strings.Contains(text, "postgres://h:5432/n") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
	if got := redacted("postgres://u:canary@h:x y/"); strings.Contains(got, "canary") {
		t.Errorf("%s", got)
	}
}

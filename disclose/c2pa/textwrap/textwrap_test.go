package textwrap

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.String().Draw(t, "text"), marker, "")
		store := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "store")
		out := Append([]byte(text), store)
		if len(out)-len(text) != Size(len(store)) {
			t.Fatalf("%d bytes, Size says %d", len(out)-len(text), Size(len(store)))
		}
		f, ok := Find(string(out))
		if !ok || !bytes.Equal(f.Store, store) || f.Start != len(text) || f.Length != Size(len(store)) {
			t.Fatalf("found %+v, %v", f, ok)
		}
		after := string(out) + " More." // it need not stand at the end
		if f, ok := Find(after); !ok || !bytes.Equal(f.Store, store) {
			t.Fatalf("with text behind: %+v, %v", f, ok)
		}
	})
}

func TestWhatIsNoWrapper(t *testing.T) {
	good := string(Append(nil, []byte{0xde, 0xad, 0xbe, 0xef}))
	last := strings.LastIndexFunc(good, func(rune) bool { return true })
	runes := []rune(good)
	change := func(at int, r rune) string {
		c := append([]rune(nil), runes...)
		c[at] = r
		return string(c)
	}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"good":              {good, true},
		"behind a BOM":      {marker + "Text" + good, true},
		"twice":             {"a" + good + "b" + good, false},
		"none":              {"Text", false},
		"empty":             {"", false},
		"marker alone":      {"a" + marker, false},
		"selectors alone":   {good[len(marker):], false},
		"padding cut":       {good[:last], true},
		"store cut":         {string(runes[:1+headerSize+3]), false},
		"magic":             {change(1, 0xFE00), false},
		"version 2":         {change(1+len(magic), 0xFE02), false},
		"length too large":  {change(1+len(magic)+1, 0xE01EF), false},
		"bad before good":   {change(1, 0xFE00) + "x" + good, true},
		"no bytes of store": {string(Append(nil, nil)), false},
	} {
		if _, ok := Find(c.text); ok != c.ok {
			t.Errorf("%s: found %v", name, ok)
		}
	}
	if !utf8.ValidString(good) {
		t.Error("not UTF-8")
	}
}

func FuzzFind(f *testing.F) {
	f.Add(string(Append([]byte("Text."), []byte("store"))))
	f.Add(marker + marker + "\ufe00\U000E0100")
	f.Fuzz(func(t *testing.T, text string) {
		if found, ok := Find(text); ok && (len(found.Store) == 0 || found.Start+found.Length > len(text)) {
			t.Fatalf("%+v in %d bytes", found, len(text))
		}
	})
}

package tokenmark

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseKey(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "42": 42, "0x2a": 42, "18446744073709551615": 1<<64 - 1, "0xffffffffffffffff": 1<<64 - 1,
	} {
		k, err := ParseKey(text)
		if err != nil || k != NewKey(want) {
			t.Errorf("ParseKey(%q) = %v, %v, want the key %d", text, k, err, want)
		}
	}
	for _, text := range []string{"", "-1", "18446744073709551616", "4 2", "0x", "1e3", "secret-word"} {
		_, err := ParseKey(text)
		if !errors.Is(err, ErrKey) {
			t.Errorf("ParseKey(%q): %v, want ErrKey", text, err)
		}
		if text != "" && text != "0x" && err != nil && strings.Contains(err.Error(), text) {
			t.Errorf("ParseKey(%q): the error repeats the text: %v", text, err)
		}
	}
}

// Whatever prints a key prints its public name.
func TestKeyIsNeverPrinted(t *testing.T) {
	const secret = 0x1234567890abcdef
	k := NewKey(secret)
	p := Profile{Key: k}
	encoded, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", k, "profile", p)
	printed := string(encoded) + log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x", "%X", "%s", "%q", "%o", "%b"} {
		printed += fmt.Sprintf(verb+" "+verb+" "+verb, k, p, &p)
	}
	for _, secret := range []string{"1311768467294899695", "1234567890abcdef", "1234567890ABCDEF"} {
		if strings.Contains(printed, secret) {
			t.Fatalf("the key is in %q", printed)
		}
	}
	if !strings.Contains(printed, k.ID()) {
		t.Fatalf("%q does not name the key", printed)
	}
	if (Key{}).ID() != "t-none" || !(Key{}).IsZero() || NewKey(0).IsZero() {
		t.Fatal("the zero Key is no key, the number 0 is one")
	}
}

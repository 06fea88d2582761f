package keyring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avowai/avow/watermark"
)

// filled returns a ring of n generated keys and its text.
func filled(t testing.TB, n int) (*Ring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), File)
	for range n {
		err := Update(path, func(r *Ring) error { _, err := r.Generate(time.Now()); return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	ring, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return ring, string(text)
}

func TestFirstUseMakesAPrivateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", File)
	ring, made, err := Open(path)
	if err != nil || !made || len(ring.Keys) != 1 {
		t.Fatalf("Open = %v, made %v, %v", ring, made, err)
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v; want %04o", filepath.Base(p), info.Mode().Perm(), err, want)
		}
	}
	again, made, err := Open(path)
	if err != nil || made || again.Keys[0].ID != ring.Keys[0].ID {
		t.Errorf("second Open: made %v, %v, %v", made, again, err)
	}
}

func TestOneActiveKey(t *testing.T) {
	ring, _ := filled(t, 3)
	for i, want := range []State{Verify, Verify, Active} {
		if ring.Keys[i].State != want {
			t.Errorf("key %d is %s, want %s", i, ring.Keys[i].State, want)
		}
	}
	now := time.Now()
	if e, err := ring.Active(now); err != nil || e.ID != ring.Keys[2].ID {
		t.Errorf("Active = %s, %v", e.ID, err)
	}
	ring.Keys[2].NotAfter = &now
	if _, err := ring.Active(now); !errors.Is(err, ErrNoKey) {
		t.Errorf("after its end: %v, want %v", err, ErrNoKey)
	}
}

func TestRevokedStaysRevoked(t *testing.T) {
	ring, _ := filled(t, 1)
	id := ring.Keys[0].ID
	if err := ring.SetState(id, Revoked, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := ring.SetState(id, Verify, time.Now()); !errors.Is(err, ErrRevoked) {
		t.Errorf("retire of a revoked key: %v, want %v", err, ErrRevoked)
	}
	if err := ring.SetState("k-00000000", Verify, time.Now()); !errors.Is(err, ErrNoKey) {
		t.Errorf("unknown key: %v, want %v", err, ErrNoKey)
	}
}

func TestDamagedFilesAreRefusedWithoutTheSecret(t *testing.T) {
	ring, text := filled(t, 1)
	secret, id := ring.Keys[0].Key().Secret(), ring.Keys[0].ID
	for name, bad := range map[string]string{
		"empty":         "",
		"cut":           text[:len(text)-20],
		"unknown-key":   strings.Replace(text, `"state"`, `"sate"`, 1),
		"unknown-state": strings.Replace(text, `"active"`, `"retired"`, 1),
		"wrong-id":      strings.Replace(text, id, "k-00000000", 1),
		"wrong-digit":   strings.Replace(text, secret, flip(secret), 1),
		"no-secret":     strings.Replace(strings.Replace(text, `"secret": "`+secret+`",`, "", 1), id, "k-none", 1),
		"twice":         strings.Replace(text, "[", "["+text[strings.Index(text, "[")+1:strings.LastIndex(text, "]")]+",", 1),
		"trailing":      text + "{}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(bad))
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("Parse = %v, want %v", err, ErrCorrupt)
			}
			if strings.Contains(err.Error(), secret[10:30]) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

// flip changes the last digit of a secret.
func flip(secret string) string {
	last := byte('0')
	if secret[len(secret)-1] == '0' {
		last = '1'
	}
	return secret[:len(secret)-1] + string(last)
}

func TestReadableByOthersIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	if _, _, err := Open(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.Is(err, ErrPermissions) {
		t.Errorf("Load = %v, want %v", err, ErrPermissions)
	}
}

func TestWritersDoNotLoseEachOthersKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	const writers = 8
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			if err := Update(path, func(r *Ring) error { _, err := r.Generate(time.Now()); return err }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ring, err := Load(path)
	if err != nil || len(ring.Keys) != writers {
		t.Fatalf("%d keys, %v; want %d", len(ring.Keys), err, writers)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v; want the key file alone", left, err)
	}
}

func TestFailedChangeLeavesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	if _, _, err := Open(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	stop := errors.New("stop")
	if err := Update(path, func(r *Ring) error { r.Keys = nil; return stop }); !errors.Is(err, stop) {
		t.Fatalf("Update = %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the file was changed")
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	ring, _ := filled(t, 1)
	secret := ring.Keys[0].Key().Secret()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, ring.Keys[0]); strings.Contains(out, secret[10:30]) {
			t.Errorf("%s prints the secret", verb)
		}
	}
}

func FuzzParse(f *testing.F) {
	_, text := filled(f, 2)
	for _, seed := range []string{text, text[:40], `{"keys":[]}`, `{"keys":[{}]}`, `[]`, "", "null", `{"keys":null}{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ring, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, watermark.ErrKey) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		for _, e := range ring.Keys {
			if e.Key().IsZero() || e.ID != e.Key().ID() {
				t.Fatalf("accepted %v", e)
			}
		}
	})
}

func TestRevocationHasItsTime(t *testing.T) {
	ring, _ := filled(t, 2)
	first := time.Date(2026, 11, 27, 10, 0, 0, 999, time.UTC)
	for _, at := range []time.Time{first, first.Add(time.Hour)} { // the second changes nothing
		if err := ring.SetState(ring.Keys[0].ID, Revoked, at); err != nil {
			t.Fatal(err)
		}
		if got := ring.Keys[0].RevokedAt; got == nil || !got.Equal(first.Truncate(time.Second)) {
			t.Errorf("revoked at %v, want %v", got, first)
		}
	}
	path := filepath.Join(t.TempDir(), File)
	if err := write(path, ring); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil || again.Keys[0].RevokedAt == nil || again.Keys[1].RevokedAt != nil {
		t.Fatalf("%v, %v", again, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(text), `"revoked"`, `"verify"`, 1)
	if _, err := Parse([]byte(bad)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("revoked_at of a key that is not: %v", err)
	}
}

// Package keyring keeps the keys of one deployment in keys.json.
package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/private"
	"github.com/avowai/avow/watermark"
)

// File is the key ring's name in the data directory.
const File = "keys.json"

const (
	maxFile  = 1 << 20 // bytes
	maxKeys  = 64
	lockWait = 5 * time.Second
)

// A State says what a key is good for.
type State string

// The states of a key.
const (
	Active  State = "active"  // marks, and verifies
	Verify  State = "verify"  // verifies older marks
	Revoked State = "revoked" // its marks are recognised and not relied on
)

// An Entry is one key of the ring.
type Entry struct {
	ID       string     `json:"id"`
	Secret   secret     `json:"secret"`
	State    State      `json:"state"`
	Created  time.Time  `json:"created"`
	NotAfter *time.Time `json:"not_after,omitempty"`
	// RevokedAt is when a revoked key was revoked; nil where that is not known.
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// Key is the entry's key.
func (e Entry) Key() watermark.Key { return watermark.Key(e.Secret) }

// secret is a key that is written in full: in the key file, nowhere else.
type secret watermark.Key

// MarshalText writes the secret.
func (s secret) MarshalText() ([]byte, error) { return []byte(watermark.Key(s).Secret()), nil }

// UnmarshalText reads a secret.
func (s *secret) UnmarshalText(text []byte) error {
	k, err := watermark.ParseKey(string(text))
	*s = secret(k)
	return err
}

// Format prints the public id for every verb.
func (s secret) Format(f fmt.State, verb rune) { watermark.Key(s).Format(f, verb) }

// A Ring is the keys of one deployment, oldest first.
type Ring struct {
	Keys []Entry `json:"keys"`
}

// Errors of this package.
var (
	ErrPermissions = errors.New("key file can be read by others")
	ErrCorrupt     = errors.New("key file is damaged")
	ErrNoKey       = errors.New("no such key")
	ErrRevoked     = errors.New("key is revoked, which cannot be undone")
	ErrLocked      = errors.New("file is being changed by another avow")
)

// Load reads a key file. A file that others can read is refused.
func Load(path string) (*Ring, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !private.Kept(info) {
		return nil, fmt.Errorf("%s: %w (mode %04o)", path, ErrPermissions, info.Mode().Perm())
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %w: larger than %d bytes", path, ErrCorrupt, maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ring, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ring, nil
}

// Parse reads the text of a key file and checks it. Its errors never repeat a
// secret.
func Parse(data []byte) (*Ring, error) {
	var ring Ring
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ring); err != nil {
		if errors.Is(err, watermark.ErrKey) {
			return nil, fmt.Errorf("%w: %w", ErrCorrupt, watermark.ErrKey)
		}
		return nil, fmt.Errorf("%w: not the JSON of a key ring", ErrCorrupt)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: text follows the JSON of the key ring", ErrCorrupt)
	}
	if err := ring.check(); err != nil {
		return nil, err
	}
	return &ring, nil
}

// check says what a ring that was read must not be.
func (r *Ring) check() error {
	if len(r.Keys) > maxKeys {
		return fmt.Errorf("%w: more than %d keys", ErrCorrupt, maxKeys)
	}
	seen := map[string]bool{}
	for i, e := range r.Keys {
		switch {
		case e.Key().IsZero():
			return fmt.Errorf("%w: key %d has no secret", ErrCorrupt, i+1)
		case seen[e.ID]:
			return fmt.Errorf("%w: key %.16q is there twice", ErrCorrupt, e.ID)
		}
		seen[e.ID] = true
		if e.ID != e.Key().ID() {
			return fmt.Errorf("%w: key %d is called %.16q but its secret belongs to %s", ErrCorrupt, i+1, e.ID, e.Key().ID())
		}
		if e.State != Active && e.State != Verify && e.State != Revoked {
			return fmt.Errorf("%w: key %s: the state is none of active, verify, revoked", ErrCorrupt, e.ID)
		}
		if e.RevokedAt != nil && e.State != Revoked {
			return fmt.Errorf("%w: key %s has a revoked_at and is not revoked", ErrCorrupt, e.ID)
		}
	}
	return nil
}

// Active returns the key that marks: the newest active one that has not ended.
func (r *Ring) Active(now time.Time) (Entry, error) {
	for i := len(r.Keys) - 1; i >= 0; i-- {
		e := r.Keys[i]
		if e.State == Active && (e.NotAfter == nil || now.Before(*e.NotAfter)) {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("%w: no key is active", ErrNoKey)
}

// Update changes the key file under a lock: change gets the ring (an empty one
// where there is no file yet), and what it leaves is written whole or not at
// all.
func Update(path string, change func(*Ring) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	unlock, err := Lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	ring, err := Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		ring, err = &Ring{}, nil
	}
	if err != nil {
		return err
	}
	if err := change(ring); err != nil {
		return err
	}
	return write(path, ring)
}

// Lock makes a lock file beside the file at path, and waits where another avow
// has one; one that is older than lockWait was left behind.
func Lock(path string) (unlock func(), err error) {
	path += ".lock"
	for end := time.Now().Add(lockWait); ; time.Sleep(20 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_ = f.Close()
			return func() { _ = os.Remove(path) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > lockWait {
			_ = os.Remove(path)
			continue
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("%s: %w", path, ErrLocked)
		}
	}
}

func write(path string, ring *Ring) error {
	data, err := json.MarshalIndent(ring, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename last through a power cut, where directories can be
// synced at all.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil && runtime.GOOS == "linux" {
		return err
	}
	return nil
}

// Generate adds a new active key; the keys that were active verify from now on.
func (r *Ring) Generate(now time.Time) (Entry, error) {
	k, err := watermark.GenerateKey()
	if err != nil {
		return Entry{}, err
	}
	if len(r.Keys) >= maxKeys {
		return Entry{}, fmt.Errorf("the ring holds %d keys already", maxKeys)
	}
	for i := range r.Keys {
		if r.Keys[i].State == Active {
			r.Keys[i].State = Verify
		}
	}
	e := Entry{ID: k.ID(), Secret: secret(k), State: Active, Created: now.UTC().Truncate(time.Second)}
	r.Keys = append(r.Keys, e)
	return e, nil
}

// SetState changes the state of one key at a time. A revoked key stays revoked, since
// when it was revoked first: what leaked cannot be called back.
func (r *Ring) SetState(id string, s State, now time.Time) error {
	for i := range r.Keys {
		if r.Keys[i].ID == id {
			if r.Keys[i].State == Revoked && s != Revoked {
				return fmt.Errorf("%w: %s", ErrRevoked, id)
			}
			if s == Revoked && r.Keys[i].State != Revoked {
				at := now.UTC().Truncate(time.Second)
				r.Keys[i].RevokedAt = &at
			}
			r.Keys[i].State = s
			return nil
		}
	}
	return fmt.Errorf("%w: %.32q", ErrNoKey, id)
}

// Open loads the ring at path, making one with a first key where there is none;
// made says so.
func Open(path string) (ring *Ring, made bool, err error) {
	ring, err = Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, false, err
	}
	err = Update(path, func(r *Ring) error {
		if len(r.Keys) > 0 { // another avow was faster
			return nil
		}
		made = true
		_, err := r.Generate(time.Now())
		return err
	})
	if err != nil {
		return nil, false, err
	}
	ring, err = Load(path)
	return ring, made, err
}

package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/disclose"
)

// dataDir returns the data directory.
func (a *app) dataDir() (string, error) {
	if a.data != "" {
		return a.data, nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "avow"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", hint(errors.New("no home directory to keep keys in"), "give one with --data DIR or AVOW_DATA")
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "avow"), nil
	case "windows":
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "avow"), nil
		}
	}
	return filepath.Join(home, ".local", "share", "avow"), nil
}

// keyFile returns where the key ring is: a configured file, or the data
// directory's.
func (a *app) keyFile(configured string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	dir, err := a.dataDir()
	return filepath.Join(dir, keyring.File), err
}

// ring opens the key ring, makes one on first use, and says so.
func (a *app) ring(configured string) (*keyring.Ring, error) {
	path, err := a.keyFile(configured)
	if err != nil {
		return nil, err
	}
	ring, made, err := keyring.Open(path)
	if made {
		a.say("made a key ring with a first key: %s (mode 0600)", path)
	}
	return ring, keyHint(path, err)
}

// keyHint says what to do about a key file that cannot be used.
func keyHint(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrPermissions):
		return hint(err, "chmod 600 %s", path)
	case errors.Is(err, keyring.ErrCorrupt):
		return hint(err, "restore the file from a backup; or move it away, and a new key is made (older marks then cannot be read)")
	case errors.Is(err, os.ErrPermission):
		return hint(err, "give this user access to the data directory, or choose another with --data DIR")
	}
	return err
}

// verifyKeys are the ring's keys as a detector wants them.
func verifyKeys(ring *keyring.Ring) []disclose.VerifyKey {
	var out []disclose.VerifyKey
	for _, e := range ring.Keys {
		k := disclose.VerifyKey{Key: e.Key(), Revoked: e.State == keyring.Revoked}
		if e.RevokedAt != nil {
			k.RevokedAt = *e.RevokedAt
		}
		out = append(out, k)
	}
	return out
}

// activeKey is the key that marks.
func activeKey(ring *keyring.Ring) (keyring.Entry, error) {
	e, err := ring.Active(time.Now())
	if err != nil {
		return e, hint(fmt.Errorf("nothing to mark with: %w", err), "make a new key with avow keygen")
	}
	return e, nil
}

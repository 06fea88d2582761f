package avowcaddy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/ledger"
	"github.com/avowai/avow/watermark"
)

const maxFile = 1 << 20 // of keys and certificates, in bytes

// readFile reads a file within the limit; a secret one only if nobody else can.
func readFile(path string, secret bool) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if secret && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("avow: %s can be read by others: chmod 600", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("avow: %s is larger than %d bytes", path, maxFile)
	}
	return data, err
}

// keys are those of a key file.
type keys struct {
	active watermark.Key
	older  []watermark.Key // that signed the ledger earlier
}

// readKeys reads the key ring, of which the last active key marks.
func (h *Handler) readKeys() (keys, error) {
	path := h.Keys
	if path == "" && h.Data != "" {
		path = filepath.Join(h.Data, "keys.json")
	}
	if path == "" {
		return keys{}, nil
	}
	data, err := readFile(path, true)
	if err != nil {
		return keys{}, fmt.Errorf("avow: keys (avow keygen makes them): %w", err)
	}
	k, err := parseKeys(data, time.Now())
	if err != nil {
		return k, fmt.Errorf("avow: %s: %w", path, err)
	}
	return k, nil
}

// parseKeys reads the text of a key ring. Its errors never repeat a secret.
func parseKeys(data []byte, now time.Time) (keys, error) {
	var ring struct {
		Keys []struct {
			Secret   string     `json:"secret"`
			State    string     `json:"state"`
			NotAfter *time.Time `json:"not_after"`
		} `json:"keys"`
	}
	if json.Unmarshal(data, &ring) != nil {
		return keys{}, errors.New("not the JSON of a key ring")
	}
	var k keys
	for _, e := range ring.Keys {
		key, err := watermark.ParseKey(e.Secret)
		if err != nil {
			return keys{}, watermark.ErrKey
		}
		if e.State == "active" && (e.NotAfter == nil || now.Before(*e.NotAfter)) {
			k.active = key
		}
		if e.State != "revoked" {
			k.older = append(k.older, key)
		}
	}
	if k.active.IsZero() {
		return k, errors.New("no key is active: make one with avow keygen")
	}
	return k, nil
}

// provenance is what outputs are signed with; nil for nothing.
func (h *Handler) provenance() (*disclose.Provenance, error) {
	if h.SignerChain == "" {
		return nil, nil
	}
	chain, err := readFile(h.SignerChain, false)
	if err != nil {
		return nil, fmt.Errorf("avow: signer: %w", err)
	}
	secret, err := readFile(h.SignerKey, true)
	if err != nil {
		return nil, fmt.Errorf("avow: signer: %w", err)
	}
	s, err := c2pa.LoadSigner(chain, secret)
	if err != nil {
		return nil, fmt.Errorf("avow: signer: %w", err)
	}
	return &disclose.Provenance{Signer: s}, nil
}

// ledgers are those that are open. A reload makes the new handler before it ends the
// old: both then write through one.
var ledgers = caddy.NewUsagePool()

// An open ledger is closed when the last handler lets go of it.
type open struct{ *ledger.Ledger }

// Destruct implements caddy.Destructor.
func (o open) Destruct() error { return o.Close() }

// openLedger opens the ledger, or takes the one that is open; nil for none.
func (h *Handler) openLedger(k keys, log *slog.Logger) (disclose.Records, error) {
	where := h.Ledger
	if where == "" && h.Data != "" {
		where = filepath.Join(h.Data, "ledger.db")
	}
	if where == "" || where == "off" {
		return nil, nil
	}
	o := ledger.Options{Key: k.active, VerifyKeys: k.older, Logger: log, Yield: true}
	if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
		o.URL = where
	} else {
		o.File = where
	}
	name := k.active.ID() + " " + where // a new key signs a new chain
	value, _, err := ledgers.LoadOrNew(name, func() (caddy.Destructor, error) {
		l, err := ledger.Open(context.Background(), o)
		if err != nil {
			return nil, err
		}
		return open{l}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("avow: ledger: %w", err)
	}
	h.kept = name
	return value.(open).Ledger, nil
}

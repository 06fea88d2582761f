package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/cmd/avow/internal/signing"
	"github.com/avowai/avow/disclose/c2pa"
)

const (
	lowSpace  = 1 << 30   // bytes: a warning
	noSpace   = 100 << 20 // bytes: too few to go on
	soon      = 30 * 24 * time.Hour
	fewStream = 500
)

// data looks at the data directory.
func (v *visit) data(context.Context) {
	const name = "data"
	dir := v.o.Data
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		parent := existing(dir)
		if err := writable(parent); err != nil {
			v.fail(name, "give this user the rights, or choose another directory with --data DIR", "%s is not there, and %s does not let this user make it", dir, parent)
			return
		}
		v.ok(name, "%s is not there yet: first use makes it, mode 0700", dir)
		return
	}
	switch {
	case err != nil:
		v.fail(name, "give this user access to it, or choose another with --data DIR", "%v", err)
		return
	case !info.IsDir():
		v.fail(name, "choose a directory with --data DIR", "%s is no directory", dir)
		return
	case writable(dir) != nil:
		v.fail(name, "give this user the right to write into it, or choose another with --data DIR", "%s cannot be written", dir)
		return
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		v.warn(name, "chmod 700 "+dir, "%s is open to others (mode %04o)", dir, info.Mode().Perm())
	}
	free, known := freeSpace(dir)
	switch {
	case known && free < noSpace:
		v.fail(name, "make room: a full disk stops the ledger, and with it strict answers", "%s has %d MiB left", dir, free>>20)
	case known && free < lowSpace:
		v.warn(name, "make room, or shorten ledger.retention", "%s has %d MiB left", dir, free>>20)
	case known:
		v.ok(name, "%s, writable, %.1f GiB free", dir, float64(free)/(1<<30))
	default:
		v.ok(name, "%s, writable", dir)
	}
}

// existing is the nearest directory above path that is there.
func existing(path string) string {
	for {
		parent := filepath.Dir(path)
		if _, err := os.Stat(parent); err == nil || parent == path {
			return parent
		}
		path = parent
	}
}

// keys looks at the key ring.
func (v *visit) keys(context.Context) {
	const name = "keys"
	ring, err := keyring.Load(v.o.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		v.ok(name, "%s is not there yet: first use makes it with a first key, mode 0600", v.o.KeyFile)
		return
	case errors.Is(err, keyring.ErrPermissions):
		v.fail(name, "chmod 600 "+v.o.KeyFile+"; if others may have read it: avow keygen, then avow keys revoke ID", "%v", err)
		return
	case err != nil:
		v.fail(name, "restore the file from a backup: without its keys older marks cannot be read", "%v", err)
		return
	}
	v.ring = ring
	key, err := ring.Active(v.now)
	if err != nil {
		v.fail(name, "make a new key with avow keygen", "%s: no key is active, so nothing can be marked", v.o.KeyFile)
		return
	}
	v.key = &key
	switch {
	case key.NotAfter == nil:
		v.ok(name, "%s is active and does not expire; %s in the ring", key.ID, number(len(ring.Keys), "key"))
	case key.NotAfter.Sub(v.now) < soon:
		v.warn(name, "make the next key with avow keygen, and start avow again", "%s is active until %s", key.ID, key.NotAfter.Format(time.RFC3339))
	default:
		v.ok(name, "%s is active until %s; %s in the ring", key.ID, key.NotAfter.Format(time.RFC3339), number(len(ring.Keys), "key"))
	}
}

// certificate looks at what manifests are signed with.
func (v *visit) certificate(context.Context) {
	const name = "certificate"
	if m := v.o.Config.Carriers.Manifest; m != nil && !*m {
		v.ok(name, "none is needed: manifests are switched off")
		return
	}
	chain, key := v.o.Config.Signer.Chain, v.o.Config.Signer.Key
	own := chain != ""
	if !own {
		chain, key = filepath.Join(v.o.Data, signing.ChainFile), filepath.Join(v.o.Data, signing.KeyFile)
	}
	s, err := signing.Load(chain, key)
	switch {
	case !own && errors.Is(err, fs.ErrNotExist) && missing(chain) && missing(key):
		v.warn(name, "name a chain and key of a trust list under signer: for production (docs/provenance.md)",
			"there is none yet: first use makes a development certificate, which nobody trusts")
		return
	case errors.Is(err, signing.ErrPermissions):
		v.fail(name, "chmod 600 "+key, "%v", err)
		return
	case err != nil:
		v.fail(name, "name a chain and its key under signer:, or switch manifests off with carriers: {manifest: false}", "%v", err)
		return
	}
	v.signer = s
	leaf := s.Chain[0]
	who := fmt.Sprintf("%s, until %s", leaf.Subject, leaf.NotAfter.Format(time.RFC3339))
	switch {
	case v.now.Before(leaf.NotBefore):
		v.fail(name, "set the clock right, or wait", "%s is not valid before %s", leaf.Subject, leaf.NotBefore.Format(time.RFC3339))
	case v.now.After(leaf.NotAfter):
		v.fail(name, "renew the certificate", "%s has expired on %s", leaf.Subject, leaf.NotAfter.Format(time.RFC3339))
	case c2pa.IsDevelopment(leaf):
		v.warn(name, "name a chain and key of a trust list under signer: for production (docs/provenance.md)", "a development certificate, which nobody trusts: %s", who)
	case leaf.NotAfter.Sub(v.now) < soon:
		v.warn(name, "renew the certificate in time", "%s", who)
	default:
		v.ok(name, "%s; its key matches", who)
	}
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// files looks at the limit of open files.
func (v *visit) files(context.Context) {
	const name = "open files"
	switch {
	case v.o.OpenFiles == 0 || v.o.MaxStreams == 0:
		v.ok(name, "no limit is known, so answers in progress are not bounded")
	case v.o.MaxStreams < fewStream:
		v.warn(name, "raise it: LimitNOFILE=65536 in a systemd unit, ulimit -n in a shell", "%d, enough for %d answers at one time; beyond them clients get 503", v.o.OpenFiles, v.o.MaxStreams)
	default:
		v.ok(name, "%d, enough for %d answers at one time", v.o.OpenFiles, v.o.MaxStreams)
	}
}

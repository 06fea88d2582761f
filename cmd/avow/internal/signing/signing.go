// Package signing finds what manifests are signed with and checked against: a
// certificate chain and key in files, a development certificate that is made on
// first use, a time stamping authority, and trust lists.
package signing

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/keyring"
	"github.com/avowai/avow/cmd/avow/internal/private"
	"github.com/avowai/avow/disclose/c2pa"
)

// Names of the development certificate's files in the data directory.
const (
	ChainFile = "signer.pem"
	KeyFile   = "signer-key.pem"
	RootFile  = "ca.pem"
)

const (
	maxPEM = 4 << 20 // bytes of a PEM file; the official trust list has 60,000
	// unnamed stands for whoever made a development certificate: the name goes out
	// with every output, so that it must not be the machine's.
	unnamed = "unnamed deployment"
	// RenewBefore is how long before its end a development certificate is made
	// anew.
	RenewBefore = 14 * 24 * time.Hour
)

// Errors of this package.
var (
	ErrPermissions = errors.New("the key can be read by others")
	ErrNoCert      = errors.New("no certificate in the file")

	// errUnmade: there is no development certificate, not all of one, or it is
	// about to end.
	errUnmade = errors.New("no development certificate")
)

// Development opens the development certificate in dir, and makes one where there
// is none or it is about to end. A certificate of somebody else's in its place is
// used, and left alone.
func Development(dir string, now time.Time) (s *c2pa.Signer, made bool, err error) {
	if s, err = open(dir, now); !errors.Is(err, errUnmade) {
		return s, false, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, err
	}
	unlock, err := keyring.Lock(filepath.Join(dir, ChainFile))
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if s, err = open(dir, now); !errors.Is(err, errUnmade) { // another avow was faster
		return s, false, err
	}
	if err := makeDevelopment(dir, now); err != nil {
		return nil, false, err
	}
	s, err = open(dir, now)
	return s, err == nil, err
}

// open loads what is in dir, or returns errUnmade. The key is the last to be
// written and the first to go, so that a chain without it was never finished.
func open(dir string, now time.Time) (*c2pa.Signer, error) {
	chain, key := filepath.Join(dir, ChainFile), filepath.Join(dir, KeyFile)
	_, statErr := os.Stat(key)
	noKey := errors.Is(statErr, fs.ErrNotExist)
	certs, err := Certificates(chain)
	switch {
	case errors.Is(err, fs.ErrNotExist) && noKey:
		return nil, errUnmade
	case err != nil:
		return nil, err
	case c2pa.IsDevelopment(certs[0]) && (noKey || !now.Add(RenewBefore).Before(certs[0].NotAfter)):
		return nil, errUnmade
	}
	return Load(chain, key)
}

func makeDevelopment(dir string, now time.Time) error {
	root, leaf, key, err := c2pa.NewDevelopment(now, unnamed)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(filepath.Join(dir, RootFile)) // older signatures keep their anchor
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Remove(filepath.Join(dir, KeyFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{RootFile, append(old, root...)}, {ChainFile, leaf}, {KeyFile, key}} {
		if err := write(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// write puts a file in place whole, for its owner alone.
func write(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".avow-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Load reads a chain and its key from PEM files. A key that others can read is
// refused.
func Load(chain, key string) (*c2pa.Signer, error) {
	certs, err := read(chain)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(key)
	if err != nil {
		return nil, err
	}
	if !private.Kept(info) {
		return nil, fmt.Errorf("%s: %w", key, ErrPermissions)
	}
	secret, err := read(key)
	if err != nil {
		return nil, err
	}
	s, err := c2pa.LoadSigner(certs, secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", chain, err)
	}
	return s, nil
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(data) > maxPEM {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxPEM)
	}
	return data, err
}

// Certificates reads every certificate of PEM files, such as trust lists.
func Certificates(paths ...string) (all []*x509.Certificate, err error) {
	for _, path := range paths {
		data, err := read(path)
		if err != nil {
			return nil, err
		}
		found := 0
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if block.Type != "CERTIFICATE" {
				continue
			}
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: certificate %d: %w", path, found+1, err)
			}
			found++
			all = append(all, cert)
		}
		if found == 0 {
			return nil, fmt.Errorf("%s: %w", path, ErrNoCert)
		}
	}
	return all, nil
}

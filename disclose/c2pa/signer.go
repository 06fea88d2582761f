package c2pa

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/veraison/go-cose"
)

// A Signer holds what claims are signed with. It is safe for concurrent use if
// its Key and Stamp are.
type Signer struct {
	// Key signs; it may live in a key service.
	Key crypto.Signer
	// Chain is the certificate of Key, then those of its issuers in order.
	Chain []*x509.Certificate
	// Alg is the COSE algorithm: ES256, ES384, ES512, Ed25519, PS256, PS384 or
	// PS512. "" means the one of the key's curve, and PS256 for RSA.
	Alg string
	// Stamp gets an RFC 3161 time stamp token (the token, not the response) over
	// a SHA-256 imprint; nil signs without. It has to heed ctx: a slow authority
	// delays the output until then. See package timestamp.
	Stamp func(ctx context.Context, imprint []byte) (token []byte, err error)
	// Now is the clock that the certificates are judged by; nil means time.Now.
	Now func() time.Time

	// room is what the last time stamp of this signer needed; see errRoom.
	room atomic.Int64
}

// NewSigner returns a Signer after it checked that the certificates may sign
// claims: profile, algorithms, order, dates, and that key belongs to the first.
// A self-signed root at the end of chain is dropped, as claims leave it out.
func NewSigner(key crypto.Signer, chain []*x509.Certificate) (*Signer, error) {
	s := &Signer{Key: key, Chain: chain}
	if n := len(chain); n > 1 && chain[n-1] != nil && selfSigned(chain[n-1]) {
		s.Chain = chain[: n-1 : n-1]
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// LoadSigner is NewSigner from PEM: the certificates in order, and the private
// key as PKCS #8, SEC 1 or PKCS #1.
func LoadSigner(chain, key []byte) (*Signer, error) {
	var certs []*x509.Certificate
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: certificate %d of the chain: %w", ErrSigner, len(certs)+1, err)
		}
		certs = append(certs, c)
	}
	private, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	return NewSigner(private, certs)
}

// parseKey reads a private key. Its errors do not quote the input.
func parseKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, fmt.Errorf("%w: the private key is encrypted; give it decrypted, in a file that only this service can read", ErrSigner)
		default: // such as EC PARAMETERS
			continue
		}
		if signer, ok := key.(crypto.Signer); ok && err == nil {
			return signer, nil
		}
		return nil, fmt.Errorf("%w: the private key (%s) cannot be read", ErrSigner, block.Type)
	}
	return nil, fmt.Errorf("%w: no private key in PEM; want PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY", ErrSigner)
}

// Check reports why s may not sign claims, and what to do about it.
func (s *Signer) Check() error {
	if s.Key == nil || len(s.Chain) == 0 {
		return fmt.Errorf("%w: a private key and its certificate are needed", ErrSigner)
	}
	for i, c := range s.Chain {
		if c == nil {
			return fmt.Errorf("%w: certificate %d of the chain is missing", ErrSigner, i+1)
		}
	}
	leaf := s.Chain[0]
	if pub, ok := s.Key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(leaf.PublicKey) {
		return fmt.Errorf("%w: the private key is not that of the first certificate, %s; put the signing certificate first", ErrSigner, leaf.Subject)
	}
	if _, err := s.algorithm(); err != nil {
		return err
	}
	if err := checkLeaf(leaf); err != nil {
		return err
	}
	if err := checkChain(s.Chain); err != nil {
		return err
	}
	return s.checkDates()
}

func (s *Signer) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// checkDates refuses certificates outside their validity: without a time stamp
// what they sign would never be valid.
func (s *Signer) checkDates() error {
	now := s.now()
	for _, c := range s.Chain {
		if now.Before(c.NotBefore) {
			return fmt.Errorf("%w: certificate %s is valid from %s only; check the clock", ErrSigner, c.Subject, c.NotBefore.Format(time.RFC3339))
		}
		if now.After(c.NotAfter) {
			return fmt.Errorf("%w: certificate %s expired on %s; get a new one from its issuer", ErrSigner, c.Subject, c.NotAfter.Format(time.RFC3339))
		}
	}
	return nil
}

// algorithms are those of COSE that the specification lists (2.4, section
// 13.2.1).
var algorithms = map[string]cose.Algorithm{
	"ES256": cose.AlgorithmES256, "ES384": cose.AlgorithmES384, "ES512": cose.AlgorithmES512,
	"PS256": cose.AlgorithmPS256, "PS384": cose.AlgorithmPS384, "PS512": cose.AlgorithmPS512,
	"Ed25519": cose.AlgorithmEdDSA,
}

// algorithm is the COSE algorithm that s signs with.
func (s *Signer) algorithm() (cose.Algorithm, error) {
	if s.Key == nil || len(s.Chain) == 0 {
		return 0, fmt.Errorf("%w: a private key and its certificate are needed", ErrSigner)
	}
	fits := keyAlgorithms(s.Key.Public())
	if len(fits) == 0 {
		return 0, fmt.Errorf("%w: a key of this kind cannot sign claims; use P-256, P-384, P-521, Ed25519, or RSA of 2048 to 16384 bits", ErrSigner)
	}
	if s.Alg == "" {
		return algorithms[fits[0]], nil
	}
	for _, name := range fits {
		if name == s.Alg {
			return algorithms[name], nil
		}
	}
	return 0, fmt.Errorf("%w: Alg %q does not fit the key, which can do %v", ErrSigner, s.Alg, fits)
}

// keyAlgorithms names the algorithms for a key; each curve has its own.
func keyAlgorithms(key crypto.PublicKey) []string {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		case elliptic.P521():
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"Ed25519"}
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= 2048 && bits <= 16384 {
			return []string{"PS256", "PS384", "PS512"}
		}
	}
	return nil
}

// signatureSize is the length of every signature by the key, in bytes.
func (s *Signer) signatureSize() int {
	switch k := s.Key.Public().(type) {
	case *ecdsa.PublicKey:
		return 2 * ((k.Curve.Params().BitSize + 7) / 8)
	case *rsa.PublicKey:
		return k.Size()
	}
	return ed25519.SignatureSize
}

// embedded is the chain as DER, as claims carry it.
func (s *Signer) embedded() [][]byte {
	der := make([][]byte, len(s.Chain))
	for i, c := range s.Chain {
		der[i] = c.Raw
	}
	return der
}

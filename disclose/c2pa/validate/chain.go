package validate

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"time"
)

// chainsTo reports whether a chain, end entity first, leads to an anchor at a
// time. A pool is asked through crypto/x509. Single anchors go another way,
// because crypto/x509 cannot verify with keys of type id-RSASSA-PSS: there the
// chain must be in order, as x5chain demands.
func chainsTo(chain []*x509.Certificate, pool *x509.CertPool, anchors []*x509.Certificate, at time.Time, usage x509.ExtKeyUsage) bool {
	if pool != nil {
		inter := x509.NewCertPool()
		for _, cert := range chain[1:] {
			inter.AddCert(cert)
		}
		_, err := chain[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: inter, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
		if err == nil {
			return true
		}
	}
	return len(anchors) > 0 && walk(chain, anchors, at, usage)
}

// walk goes up an ordered chain until an anchor issued a certificate or is one
// (RFC 5280 section 6, without policies; name constraints end the walk).
func walk(chain, anchors []*x509.Certificate, at time.Time, usage x509.ExtKeyUsage) bool {
	if usage != x509.ExtKeyUsageAny && !slices.Contains(chain[0].ExtKeyUsage, usage) {
		return false
	}
	for i, cert := range chain {
		if !covers(cert, at) || len(cert.UnhandledCriticalExtensions) > 0 || constrained(cert) {
			return false
		}
		if slices.ContainsFunc(anchors, cert.Equal) {
			return true
		}
		for _, a := range anchors {
			if covers(a, at) && issued(a, cert, i) {
				return true
			}
		}
		if i+1 == len(chain) || !issued(chain[i+1], cert, i) {
			return false
		}
	}
	return false
}

func constrained(cert *x509.Certificate) bool {
	return len(cert.PermittedDNSDomains)+len(cert.ExcludedDNSDomains)+len(cert.PermittedIPRanges)+len(cert.ExcludedIPRanges)+
		len(cert.PermittedEmailAddresses)+len(cert.ExcludedEmailAddresses)+len(cert.PermittedURIDomains)+len(cert.ExcludedURIDomains) > 0
}

// issued reports whether an authority with below certificates between itself and
// the end entity issued child.
func issued(parent, child *x509.Certificate, below int) bool {
	switch {
	case !bytes.Equal(parent.RawSubject, child.RawIssuer):
		return false
	case !parent.BasicConstraintsValid || !parent.IsCA:
		return false
	case parent.KeyUsage != 0 && parent.KeyUsage&x509.KeyUsageCertSign == 0:
		return false
	case parent.MaxPathLen >= 0 && (parent.MaxPathLen > 0 || parent.MaxPathLenZero) && below > parent.MaxPathLen:
		return false
	}
	return verifies(parent, child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
}

// verifies checks a signature with a certificate's key, id-RSASSA-PSS included.
func verifies(cert *x509.Certificate, alg x509.SignatureAlgorithm, signed, sig []byte) error {
	if cert.PublicKey == nil {
		if k, ok := publicKey(cert).(*rsa.PublicKey); ok {
			cert = &x509.Certificate{PublicKey: k, PublicKeyAlgorithm: x509.RSA}
		}
	}
	return cert.CheckSignature(alg, signed, sig)
}

// order puts the certificates of a time stamp token, a SET, into the order of a
// chain.
func order(leaf *x509.Certificate, certs []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(chain) < maxChain {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(certs, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, last.RawIssuer) && !slices.ContainsFunc(chain, c.Equal)
		})
		if i < 0 {
			break
		}
		chain = append(chain, certs[i])
	}
	return chain
}

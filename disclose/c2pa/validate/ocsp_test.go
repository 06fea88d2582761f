package validate

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	"github.com/veraison/go-cose"
)

// ocspFor makes a response about a certificate of the tests' authority.
func ocspFor(t testing.TB, cert *x509.Certificate, key *ecdsa.PrivateKey, change func(*ocspSingle), certs ...[]byte) []byte {
	t.Helper()
	issuer := testCA().root
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &spki); err != nil {
		t.Fatal(err)
	}
	s := ocspSingle{This: time.Now().UTC().Add(-time.Hour).Truncate(time.Second), Next: time.Now().UTC().Add(time.Hour).Truncate(time.Second)}
	s.ID.Hash.Algorithm = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	name, id := sha1.Sum(cert.RawIssuer), sha1.Sum(spki.Key.RightAlign())
	s.ID.NameHash, s.ID.KeyHash, s.ID.Serial = name[:], id[:], cert.SerialNumber
	change(&s)
	marshal := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	data := ocspData{
		Responder: asn1.RawValue{Class: 2, Tag: 2, IsCompound: true, Bytes: marshal(id[:])},
		Produced:  s.This, Responses: []ocspSingle{s},
	}
	data.Raw = marshal(data)
	sum := sha256.Sum256(data.Raw)
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	r := ocspResponse{Data: data, Signature: asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}}
	r.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	for _, c := range certs {
		r.Certs = append(r.Certs, asn1.RawValue{FullBytes: c})
	}
	return marshal(struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type asn1.ObjectIdentifier
			Data []byte
		} `asn1:"explicit,tag:0"`
	}{0, struct {
		Type asn1.ObjectIdentifier
		Data []byte
	}{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}, marshal(r)}})
}

func TestRevocation(t *testing.T) {
	ca := testCA()
	leaf, err := x509.ParseCertificate(ca.leaf)
	if err != nil {
		t.Fatal(err)
	}
	responderKey := newKey()
	responder := func(usage x509.ExtKeyUsage) []byte {
		return issue(&x509.Certificate{Subject: pkix.Name{CommonName: "responder"}, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{usage}}, ca.root, responderKey.Public(), ca.key).Raw
	}
	good := func(s *ocspSingle) { s.Good = true }
	revoked := func(s *ocspSingle) { s.Revoked.At = time.Now().UTC().Add(-30 * time.Minute).Truncate(time.Second) }
	later := func(s *ocspSingle) { s.Revoked.At = time.Now().UTC().Add(30 * time.Minute).Truncate(time.Second) }
	other := func(s *ocspSingle) { revoked(s); s.ID.Serial = ca.root.SerialNumber }
	resumed := func(s *ocspSingle) { revoked(s); s.Revoked.Reason = removeFromCRL }
	for _, c := range []struct {
		name    string
		ocsp    []byte
		stamped bool
		code    string
	}{
		{"good", ocspFor(t, leaf, ca.key, good), true, ocspGood},
		{"good, but no time stamp", ocspFor(t, leaf, ca.key, good), false, ocspSkipped},
		{"good again", ocspFor(t, leaf, ca.key, resumed), true, ocspGood},
		{"revoked", ocspFor(t, leaf, ca.key, revoked), true, ocspRevokedCode},
		{"revoked, no time stamp", ocspFor(t, leaf, ca.key, later), false, ocspRevokedCode},
		{"revoked after the time stamp", ocspFor(t, leaf, ca.key, later), true, ocspSkipped},
		{"another certificate", ocspFor(t, leaf, ca.key, other), true, ocspSkipped},
		{"another key", ocspFor(t, leaf, newKey(), revoked), true, ocspSkipped},
		{"delegated", ocspFor(t, leaf, responderKey, revoked, responder(x509.ExtKeyUsageOCSPSigning)), true, ocspRevokedCode},
		{"delegated to a signer of code", ocspFor(t, leaf, responderKey, revoked, responder(x509.ExtKeyUsageCodeSigning)), true, ocspSkipped},
		{"no response", []byte{0x30, 0x03, 0x0A, 0x01, 0x01}, true, ocspSkipped},
		{"no DER", []byte("no"), true, ocspSkipped},
	} {
		s := newStudio(t, c.stamped)
		s.o.Anchors = []*x509.Certificate{ca.root}
		file := stapled(c.ocsp, s).sign(t, testPNG(t, 24, 18))
		r := s.check(t, file)
		has := slices.ContainsFunc(r.Statuses, func(st Status) bool { return st.Code == c.code })
		if want := map[bool]State{true: Invalid, false: Trusted}[c.code == ocspRevokedCode]; r.State != want || !has {
			t.Errorf("%s: %v %v, want %v with %s", c.name, r.State, r.Statuses, want, c.code)
		}
	}
}

// stapled signs with an OCSP response and, if the studio has an authority, a time
// stamp.
func stapled(ocsp []byte, s *studio) *forge {
	f := newForge()
	f.signed = func(m *cose.Sign1Message, _ []byte) {
		m.Headers.Unprotected["rVals"] = map[string]any{"ocspVals": []any{ocsp}}
		if s.signer.Stamp == nil {
			return
		}
		imprint := sha256.Sum256(lateContents(m)[2])
		token, err := s.signer.Stamp(context.Background(), imprint[:])
		if err != nil {
			panic(err)
		}
		m.Headers.Unprotected["sigTst2"] = map[string]any{"tstTokens": []any{map[string]any{"val": token}}}
		m.Headers.Unprotected["pad"] = make([]byte, max(0, 2048-len(token)))
	}
	return f
}

// FuzzOCSP must not panic.
func FuzzOCSP(f *testing.F) {
	leaf, err := x509.ParseCertificate(testCA().leaf)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ocspFor(f, leaf, testCA().key, func(s *ocspSingle) { s.Good = true }))
	f.Fuzz(func(t *testing.T, der []byte) {
		if r := parseOCSP(der); r != nil {
			r.signedFor(testCA().root)
			for _, s := range r.Data.Responses {
				s.is(leaf, testCA().root)
			}
		}
	})
}

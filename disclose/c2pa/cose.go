package c2pa

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/veraison/go-cose"

	"github.com/avowai/avow/disclose/c2pa/timestamp"
)

// Room for a time stamp, in bytes of the unprotected header.
const (
	// firstRoom fits the tokens of the public authorities with their chains;
	// afterwards a Signer knows the size of its own authority's.
	firstRoom = 8 << 10
	// spareRoom is kept beyond the last token, as those of one authority differ
	// by a few bytes. leastSpare of it must be left: the framing of token and pad
	// takes at most 32 bytes, and a pad of 259 or more, head included, stays in
	// one class of CBOR heads.
	spareRoom, leastSpare = 512, 300
	// maxToken bounds a token such that room for it needs no longer head.
	maxToken = 48 << 10
)

// tstContainer is the value of the header sigTst2.
type tstContainer struct {
	Tokens []tstToken `cbor:"tstTokens"`
}

type tstToken struct {
	Val []byte `cbor:"val"`
}

// errRoom means that a token did not fit.
type errRoom struct{ token int }

func (e errRoom) Error() string {
	return fmt.Sprintf("c2pa: no room for a time stamp of %d bytes", e.token)
}

// A signature is a finished COSE_Sign1 of known size.
type signature struct {
	bytes    []byte
	stampErr error
}

// coseSize is the length of every signature by s with room for a time stamp.
func (s *Signer) coseSize(protected []byte, room int) int {
	// The tag, the head of the array, the head of the unprotected map, and null
	// for the payload, which is the claim, take a byte each.
	return 4 + byteStringSize(len(protected)) + room + byteStringSize(s.signatureSize())
}

// protected encodes the protected header: algorithm and certificate chain.
func (s *Signer) protected(alg cose.Algorithm) ([]byte, error) {
	chain := s.embedded()
	var x5chain any = chain[0]
	if len(chain) > 1 {
		x5chain = chain
	}
	return encoding.Marshal(map[any]any{cose.HeaderLabelAlgorithm: int64(alg), cose.HeaderLabelX5Chain: x5chain})
}

// sign makes the COSE_Sign1_Tagged over a claim, with the claim left out
// (specification 2.4, section 13.2).
func (s *Signer) sign(ctx context.Context, claim []byte, room int) (signature, error) {
	alg, err := s.algorithm()
	if err != nil {
		return signature{}, err
	}
	protected, err := s.protected(alg)
	if err != nil {
		return signature{}, err
	}
	m := cose.NewSign1Message()
	m.Headers.RawProtected, err = encoding.Marshal(protected)
	if err != nil {
		return signature{}, err
	}
	m.Headers.Protected.SetAlgorithm(alg)
	m.Payload = claim
	if err := s.signMessage(m, alg); err != nil {
		return signature{}, err
	}
	m.Payload = nil
	return s.finish(ctx, m, protected, room)
}

// signMessage signs and checks what came out: a key in a remote service may
// answer with anything.
func (s *Signer) signMessage(m *cose.Sign1Message, alg cose.Algorithm) error {
	signer, err := cose.NewSigner(alg, s.Key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSigner, err)
	}
	if err := m.Sign(rand.Reader, nil, signer); err != nil {
		return fmt.Errorf("c2pa: sign: %w", err)
	}
	verifier, err := cose.NewVerifier(alg, s.Chain[0].PublicKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSigner, err)
	}
	if err := m.Verify(nil, verifier); err != nil {
		return fmt.Errorf("%w: the key's signature does not match its certificate", ErrSigner)
	}
	return nil
}

// finish asks for the time stamp, if there is room for one, and pads.
func (s *Signer) finish(ctx context.Context, m *cose.Sign1Message, protected []byte, room int) (sig signature, err error) {
	if room > 0 {
		unprotected := map[string]any{}
		var token []byte
		if token, sig.stampErr = s.stamp(ctx, protected, m.Signature); sig.stampErr == nil {
			unprotected["sigTst2"] = tstContainer{[]tstToken{{token}}}
			if len(token)+leastSpare > room {
				return sig, errRoom{len(token)}
			}
			s.room.Store(int64(len(token) + spareRoom))
		}
		if err := pad(unprotected, room); err != nil {
			return sig, err
		}
		if m.Headers.RawUnprotected, err = encoding.Marshal(unprotected); err != nil {
			return sig, err
		}
	}
	if sig.bytes, err = m.MarshalCBOR(); err != nil {
		return sig, err
	}
	if want := s.coseSize(protected, room); len(sig.bytes) != want {
		return sig, fmt.Errorf("c2pa: the signature box has %d bytes, planned were %d", len(sig.bytes), want)
	}
	return sig, nil
}

// pad adds the header pad such that the entries of a header take room bytes.
func pad(unprotected map[string]any, room int) error {
	bare, err := encoding.Marshal(unprotected)
	if err != nil {
		return err
	}
	const key = 4 // "pad" in CBOR
	zeros, err := padding(room - (len(bare) - 1) - key)
	unprotected["pad"] = zeros
	return err
}

// stamp gets the token over a signature and checks it. Its imprint is that of a
// COSE counter signature whose payload is the signature as an encoded byte
// string (sigTst2, specification 2.4, section 10.3.2.5).
func (s *Signer) stamp(ctx context.Context, protected, sig []byte) ([]byte, error) {
	payload, err := encoding.Marshal(sig)
	if err != nil {
		return nil, err
	}
	signed, err := encoding.Marshal([]any{"CounterSignature", protected, []byte{}, payload})
	if err != nil {
		return nil, err
	}
	imprint := sha256.Sum256(signed)
	token, err := s.Stamp(ctx, imprint[:])
	switch {
	case err != nil:
		return nil, fmt.Errorf("c2pa: time stamp: %w", err)
	case len(token) > maxToken:
		return nil, fmt.Errorf("c2pa: time stamp: a token of %d bytes, want at most %d", len(token), maxToken)
	}
	if err := timestamp.Check(token, imprint[:]); err != nil {
		return nil, fmt.Errorf("c2pa: time stamp: %w", err)
	}
	return token, nil
}

package c2pa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"github.com/avowai/avow/disclose/c2pa/timestamp"
	"github.com/avowai/avow/disclose/c2pa/timestamp/tsatest"
)

func testTSA(t testing.TB) *tsatest.Authority {
	t.Helper()
	a, err := tsatest.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signatureOf reads the signature of a store and verifies it.
func signatureOf(t testing.TB, store []byte, s *Signer) *cose.Sign1Message {
	t.Helper()
	m := activeManifest(t, store, s)
	return checkCOSE(t, m.Child("c2pa.signature").Content("cbor").Data, m.Child("c2pa.claim.v2").Content("cbor").Data, s)
}

func TestTimeStampIsOverTheSignature(t *testing.T) {
	s, tsa := testSigner(t, "ES256"), testTSA(t)
	s.Stamp = stampWith(tsa)
	_, info, err := Sign(t.Context(), samples(t)["png"].data, fullManifest(), s)
	if err != nil || !info.Stamped || info.StampErr != nil {
		t.Fatalf("%v, stamped %v, %v", err, info.Stamped, info.StampErr)
	}
	msg := signatureOf(t, info.Store, s)
	raw, _ := cbor.Marshal(msg.Headers.Unprotected["sigTst2"])
	var tst tstContainer
	if err := cbor.Unmarshal(raw, &tst); err != nil || len(tst.Tokens) != 1 {
		t.Fatalf("sigTst2 has %d tokens, %v", len(tst.Tokens), err)
	}
	// The imprint, written out by hand: the signature as an encoded byte string
	// of 64 bytes is the payload of the counter signature.
	protected, err := msg.Headers.Protected.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	signed := append([]byte("\x84\x70CounterSignature"), protected...)
	signed = append(signed, 0x40, 0x58, 66, 0x58, 64)
	imprint := sha256.Sum256(append(signed, msg.Signature...))
	if err := timestamp.Check(tst.Tokens[0].Val, imprint[:]); err != nil {
		t.Fatal(err)
	}
}

func TestFailingAuthorityCostsOnlyTheTimeStamp(t *testing.T) {
	tsa := testTSA(t)
	other := sha256.Sum256([]byte("something else"))
	down := errors.New("authority down")
	var giveUp context.CancelFunc
	for name, c := range map[string]struct {
		stamp func(context.Context, []byte) ([]byte, error)
		want  error
	}{
		"down":    {func(context.Context, []byte) ([]byte, error) { return nil, down }, down},
		"slow":    {func(ctx context.Context, _ []byte) ([]byte, error) { giveUp(); <-ctx.Done(); return nil, ctx.Err() }, context.Canceled},
		"garbage": {func(context.Context, []byte) ([]byte, error) { return []byte("garbage"), nil }, timestamp.ErrMalformed},
		"nothing": {func(context.Context, []byte) ([]byte, error) { return nil, nil }, timestamp.ErrMalformed},
		"imprint": {func(ctx context.Context, _ []byte) ([]byte, error) { return stampWith(tsa)(ctx, other[:]) }, timestamp.ErrMismatch},
		"huge":    {func(context.Context, []byte) ([]byte, error) { return make([]byte, maxToken+1), nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := testSigner(t, "ES256")
			s.Stamp = c.stamp
			var ctx context.Context // ends while the slow one is asked, not by the clock: signing itself may be slow
			ctx, giveUp = context.WithCancel(t.Context())
			defer giveUp()
			out, info, err := Sign(ctx, samples(t)["png"].data, fullManifest(), s)
			if err != nil {
				t.Fatal(err)
			}
			if info.Stamped || info.StampErr == nil || c.want != nil && !errors.Is(info.StampErr, c.want) {
				t.Fatalf("stamped %v, %v, want %v", info.Stamped, info.StampErr, c.want)
			}
			checkFile(t, out, info, s)
			if msg := signatureOf(t, info.Store, s); msg.Headers.Unprotected["sigTst2"] != nil {
				t.Fatal("there is a time stamp all the same")
			}
		})
	}
}

func TestRoomFollowsTheToken(t *testing.T) {
	s, tsa := testSigner(t, "Ed25519"), testTSA(t)
	asked := 0
	s.Stamp = func(ctx context.Context, imprint []byte) ([]byte, error) {
		asked++
		return stampWith(tsa)(ctx, imprint)
	}
	var filler int
	tsa.Change = func(p *tsatest.Parts) { p.Filler = filler }
	size := func() int {
		t.Helper()
		out, info, err := Sign(t.Context(), samples(t)["png"].data, fullManifest(), s)
		if err != nil || !info.Stamped {
			t.Fatalf("%v, %v", err, info.StampErr)
		}
		checkFile(t, out, info, s)
		return len(info.Store)
	}
	first, second := size(), size()
	if second >= first-firstRoom/2 || asked != 2 {
		t.Fatalf("%d bytes, then %d, %d tokens; want the room to shrink to the authority's tokens", first, second, asked)
	}
	filler, asked = 20_000, 0 // larger than the room
	if third := size(); third < filler || asked != 2 {
		t.Fatalf("%d bytes after %d tokens, want a second try with more room", third, asked)
	}
}

// TestRoomForEveryToken crosses every jump of a CBOR head: the pad's at 256 and
// 65536 bytes, the token's at 256 and 4096.
func TestRoomForEveryToken(t *testing.T) {
	s := testSigner(t, "Ed25519")
	protected := []byte("protected")
	for room := range 3000 {
		for _, token := range []int{0, 23, 24, 255, 256, 257, 700} {
			if token+leastSpare > room {
				continue
			}
			unprotected := map[string]any{}
			if token > 0 {
				unprotected["sigTst2"] = tstContainer{[]tstToken{{make([]byte, token)}}}
			}
			err := pad(unprotected, room)
			if token == 0 && err != nil { // 25 bytes and the like, which no room has
				continue
			}
			if err != nil {
				t.Fatalf("room %d, token %d: %v", room, token, err)
			}
			b, err := encoding.Marshal(unprotected)
			if err != nil || len(b) != 1+room {
				t.Fatalf("room %d, token %d: %d bytes, %v", room, token, len(b), err)
			}
		}
	}
	for _, token := range []int{1, 255, 256, 4096, 7000, maxToken} {
		for _, room := range []int{firstRoom, token + spareRoom} {
			if token+leastSpare > room {
				continue
			}
			unprotected := map[string]any{"sigTst2": tstContainer{[]tstToken{{make([]byte, token)}}}}
			if err := pad(unprotected, room); err != nil {
				t.Fatalf("room %d, token %d: %v", room, token, err)
			}
		}
	}
	if n := s.coseSize(protected, 0); n != 4+1+len(protected)+2+64 {
		t.Fatalf("coseSize = %d", n)
	}
}

func TestPaddingIsExact(t *testing.T) {
	var missing []string
	for _, span := range [][2]int{{1, 600}, {65_500, 65_600}} {
		for size := span[0]; size <= span[1]; size++ {
			zeros, err := padding(size)
			if err != nil {
				missing = append(missing, strconv.Itoa(size))
				continue
			}
			b, err := encoding.Marshal(zeros)
			if err != nil || len(b) != size || len(b) != byteStringSize(len(zeros)) || !bytes.Equal(zeros, make([]byte, len(zeros))) {
				t.Fatalf("padding(%d) is encoded in %d bytes (%v)", size, len(b), err)
			}
		}
	}
	if got := len(missing); got != 4 { // 25, 258, 65539, 65540
		t.Fatalf("no padding for %v, want the four sizes at the jumps of the head", missing)
	}
}

package c2pa

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/avowai/avow/disclose/c2pa/container"
)

// Signed tells what was written.
type Signed struct {
	// Label and InstanceID are those of the manifest, drawn or given.
	Label, InstanceID string
	// Store is the whole manifest store, parents included.
	Store []byte
	// Format is the container that it was put into; Unknown for SignDetached.
	Format container.Format
	// Exclude is where it lies in the file.
	Exclude []container.Range
	// Stamped says that the signature carries a time stamp. If it should and
	// does not, StampErr says why; the signature is good without, until the
	// certificate expires.
	Stamped  bool
	StampErr error
}

// Sign returns a copy of file with a signed manifest store, in place of any
// store it had: to keep that one, pass it as the Parent. It is the last step of
// marking; any later change to the bytes breaks the hard binding.
//
// ctx bounds the time stamp above all: give it a deadline of two seconds or so.
// An authority that fails or is late costs the time stamp, not the signature.
func Sign(ctx context.Context, file []byte, m Manifest, s *Signer) ([]byte, Signed, error) {
	d, info, err := begin(ctx, m, s)
	if err != nil {
		return nil, info, err
	}
	info.Format = container.Sniff(file)
	measure, err := placeholder(info.Format)
	if err != nil {
		return nil, info, err
	}
	var out []byte
	err = s.withRoom(func(room int) error {
		size, err := d.size(measure, s, room)
		if err != nil {
			return err
		}
		var slot container.Slot
		if out, slot, err = container.Reserve(file, size); err != nil {
			return err
		}
		binding, err := bindFile(info.Format, out, slot)
		if err != nil {
			return err
		}
		info.Exclude = slot.Exclude
		if err := d.sign(ctx, binding, s, room, &info); err != nil {
			return err
		}
		return slot.Put(out, info.Store)
	})
	if err != nil {
		return nil, info, err
	}
	return out, info, nil
}

// SignDetached returns a manifest store that lies beside content, such as at
// the address of a Link header. Its hard binding covers all of content.
func SignDetached(ctx context.Context, content []byte, m Manifest, s *Signer) ([]byte, Signed, error) {
	sum := sha256.Sum256(content)
	return SignDigest(ctx, sum[:], m, s)
}

// begin checks what was given and builds the draft.
func begin(ctx context.Context, m Manifest, s *Signer) (*draft, Signed, error) {
	if err := ctx.Err(); err != nil {
		return nil, Signed{}, err
	}
	if s == nil {
		return nil, Signed{}, fmt.Errorf("%w: none given", ErrSigner)
	}
	if _, err := s.algorithm(); err != nil {
		return nil, Signed{}, err
	}
	if err := s.checkDates(); err != nil {
		return nil, Signed{}, err
	}
	d, err := newDraft(m)
	if err != nil {
		return nil, Signed{}, err
	}
	return d, Signed{Label: d.label, InstanceID: d.claim.InstanceID}, nil
}

// withRoom runs fn with room for a time stamp, once more if the token turns out
// to be larger than any before.
func (s *Signer) withRoom(fn func(room int) error) error {
	if s.Stamp == nil {
		return fn(0)
	}
	room := int(s.room.Load())
	if room == 0 {
		room = firstRoom
	}
	err := fn(room)
	var small errRoom
	if errors.As(err, &small) {
		err = fn(small.token + spareRoom)
	}
	return err
}

// size measures the store that sign will write.
func (d *draft) size(binding assertion, s *Signer, room int) (int, error) {
	alg, err := s.algorithm()
	if err != nil {
		return 0, err
	}
	protected, err := s.protected(alg)
	if err != nil {
		return 0, err
	}
	claim, err := d.claimFor(binding)
	if err != nil {
		return 0, err
	}
	store, err := d.store(binding, claim, make([]byte, s.coseSize(protected, room)))
	return len(store), err
}

// sign completes the draft and asserts the length that was planned for it.
func (d *draft) sign(ctx context.Context, binding assertion, s *Signer, room int, info *Signed) error {
	size, err := d.size(binding, s, room)
	if err != nil {
		return err
	}
	claim, err := d.claimFor(binding)
	if err != nil {
		return err
	}
	sig, err := s.sign(ctx, claim, room)
	if err != nil {
		return err
	}
	store, err := d.store(binding, claim, sig.bytes)
	if err != nil {
		return err
	}
	if len(store) != size {
		return fmt.Errorf("c2pa: the store has %d bytes, planned were %d", len(store), size)
	}
	info.Store, info.StampErr, info.Stamped = store, sig.stampErr, room > 0 && sig.stampErr == nil
	return nil
}

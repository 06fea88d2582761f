package c2pa

import (
	"context"
	"crypto/sha256"
	"fmt"

	"golang.org/x/text/unicode/norm"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/c2pa/textwrap"
)

// SignText returns a plain text with a signed manifest store behind it, in
// characters that do not show: some four times the store's size. Its hard
// binding covers the rest in Unicode NFC. A text in which a wrapper begins already
// is refused with ErrManifest: several count as none.
func SignText(ctx context.Context, text []byte, m Manifest, s *Signer) ([]byte, Signed, error) {
	if textwrap.Begins(string(text)) {
		return nil, Signed{}, fmt.Errorf("%w: the text carries a manifest already", ErrManifest)
	}
	d, info, err := begin(ctx, m, s)
	if err != nil {
		return nil, info, err
	}
	sum := sha256.Sum256(norm.NFC.Bytes(text))
	err = s.withRoom(func(room int) error {
		empty, err := encodeDataHash(noHash[:], nil)
		if err != nil {
			return err
		}
		size, err := d.size(boxed(labelDataHash, empty), s, room)
		if err != nil {
			return err
		}
		info.Exclude = []container.Range{{Start: int64(len(text)), Length: int64(textwrap.Size(size))}}
		content, err := encodeDataHash(sum[:], info.Exclude)
		if err != nil {
			return err
		}
		return d.sign(ctx, boxed(labelDataHash, content), s, room, &info)
	})
	if err != nil {
		return nil, info, err
	}
	return textwrap.Append(append([]byte(nil), text...), info.Store), info, nil
}

package c2pa

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// SignDigest is SignDetached for content of which only the SHA-256 is at hand,
// such as a stream that has left.
func SignDigest(ctx context.Context, sum []byte, m Manifest, s *Signer) ([]byte, Signed, error) {
	d, info, err := begin(ctx, m, s)
	if err != nil {
		return nil, info, err
	}
	binding, err := bindSum(sum)
	if err != nil {
		return nil, info, err
	}
	err = s.withRoom(func(room int) error { return d.sign(ctx, binding, s, room, &info) })
	if err != nil {
		return nil, info, err
	}
	return info.Store, info, nil
}

// bindSum is the hard binding of content whose hash is known.
func bindSum(sum []byte) (assertion, error) {
	if len(sum) != sha256.Size {
		return assertion{}, fmt.Errorf("%w: a SHA-256 has %d bytes, not %d", ErrManifest, sha256.Size, len(sum))
	}
	content, err := encodeDataHash(sum, nil)
	return boxed(labelDataHash, content), err
}

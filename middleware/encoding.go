package middleware

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// Limits of decompression: a small body must not become a large one.
const (
	maxDecoded   = 64 << 20 // bytes
	ratioFree    = 1 << 20  // bytes before the ratio counts
	maxRatio     = 100
	maxZstdWidow = 8 << 20 // bytes
)

var errBomb = errors.New("middleware: compressed body grows too much")

func canDecode(coding string) bool {
	switch coding {
	case "gzip", "x-gzip", "deflate", "zstd", "br":
		return true
	}
	return false
}

// An encodedBody collects an answer that its handler compressed. Its marks can
// only be set inside, so even a stream is held until it is whole; a proxy avoids
// that by asking for identity.
type encodedBody struct {
	coding string
	limit  int64
	buf    bytes.Buffer
}

func (b *encodedBody) Write(p []byte) (int, error) {
	if int64(b.buf.Len()+len(p)) > b.limit {
		return 0, fmt.Errorf("middleware: compressed body of more than %d bytes", b.limit)
	}
	return b.buf.Write(p)
}

// decode undoes one layer of compression.
func (b *encodedBody) decode() ([]byte, error) {
	size := b.buf.Len()
	r, err := newDecoder(b.coding, &b.buf)
	if err != nil {
		return nil, fmt.Errorf("middleware: %s: %w", b.coding, err)
	}
	defer func() { _ = r.Close() }()
	limit := min(maxDecoded, max(ratioFree, int64(size)*maxRatio))
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("middleware: %s: %w", b.coding, err)
	}
	if int64(len(out)) > limit {
		return nil, errBomb
	}
	return out, nil
}

func newDecoder(coding string, r io.Reader) (io.ReadCloser, error) {
	switch coding {
	case "gzip", "x-gzip":
		return gzip.NewReader(r)
	case "deflate":
		return zlib.NewReader(r)
	case "br":
		return io.NopCloser(brotli.NewReader(r)), nil
	}
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxWindow(maxZstdWidow), zstd.WithDecoderMaxMemory(maxDecoded))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

package middleware

import (
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/avowai/avow/disclose"
)

// Limits of a compressed body that has to be unpacked before it can be marked.
const (
	maxDecoded  = 64 << 20 // bytes that come out
	maxRatio    = 100      // out : in, looked at from ratioFloor on
	ratioFloor  = 1 << 20
	zstdWindow  = 8 << 20
	decodeBlock = 16 << 10
)

var errBomb = errors.New("middleware: compressed body unpacks to more than the limit")

// decoders undo one content coding (RFC 9110 section 8.4.1, RFC 8878, RFC 7932).
var decoders = map[string]func(io.Reader) (io.ReadCloser, error){
	"gzip":    func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
	"deflate": func(r io.Reader) (io.ReadCloser, error) { return zlib.NewReader(r) },
	"br":      func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(brotli.NewReader(r)), nil },
	"zstd": func(r io.Reader) (io.ReadCloser, error) {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(maxDecoded))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	},
}

// A decoder unpacks what is written to it. The decompressors are readers; each
// runs as a coroutine that stops whenever it is out of input, so nothing happens
// at the same time as anything else and every flushed block comes out at once.
type decoder struct {
	dst     io.Writer
	in      []byte
	eof     bool
	inTotal int64
	out     int64
	err     error
	ended   bool
	next    func() (struct{}, bool)
	stop    func()
}

func newDecoder(coding string, dst io.Writer) *decoder {
	d := &decoder{dst: dst}
	open := decoders[coding]
	d.next, d.stop = iter.Pull(func(yield func(struct{}) bool) {
		d.err = d.run(open, yield)
		d.ended = true
	})
	return d
}

func (d *decoder) run(open func(io.Reader) (io.ReadCloser, error), yield func(struct{}) bool) error {
	src, err := open(&feed{d, yield})
	if err != nil {
		return fmt.Errorf("middleware: content coding: %w", err)
	}
	defer func() { _ = src.Close() }()
	buf := make([]byte, decodeBlock)
	for {
		n, err := src.Read(buf)
		d.out += int64(n)
		if d.out > maxDecoded || d.out > ratioFloor && d.out > maxRatio*d.inTotal {
			return errBomb
		}
		if n > 0 {
			if _, err := d.dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("middleware: content coding: %w", err)
		}
	}
}

// feed is the decompressor's view of the input.
type feed struct {
	d     *decoder
	yield func(struct{}) bool
}

func (f *feed) Read(p []byte) (int, error) {
	for len(f.d.in) == 0 {
		if f.d.eof {
			return 0, io.EOF
		}
		if !f.yield(struct{}{}) {
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(p, f.d.in)
	f.d.in = f.d.in[n:]
	return n, nil
}

// Write unpacks p as far as it goes.
func (d *decoder) Write(p []byte) (int, error) {
	if d.ended {
		return len(p), d.failure()
	}
	d.in = p
	d.inTotal += int64(len(p))
	d.next()
	d.in = nil
	return len(p), d.failure()
}

// Close says that the input is whole, and fails where it is not.
func (d *decoder) Close() error {
	if !d.ended && d.inTotal > 0 {
		d.eof = true
		d.next()
	}
	d.stop()
	return d.failure()
}

// Abort ends the coroutine.
func (d *decoder) Abort() { d.stop() }

// failure turns an error into a refusal: there is nothing to fall back to, as
// the packed bytes are gone.
func (d *decoder) failure() error {
	var held *disclose.Withheld
	switch {
	case d.err == nil || errors.As(d.err, &held):
		return d.err
	case errors.Is(d.err, errBomb):
		return &disclose.Withheld{Reason: disclose.ReasonTooLarge, Hint: disclose.Hint(disclose.ReasonTooLarge), Err: d.err}
	case errors.Is(d.err, io.ErrUnexpectedEOF):
		return &disclose.Withheld{Reason: disclose.ReasonTruncated, Hint: disclose.Hint(disclose.ReasonTruncated), Err: d.err}
	}
	return &disclose.Withheld{Reason: disclose.ReasonEncoded, Hint: disclose.Hint(disclose.ReasonEncoded), Err: d.err}
}

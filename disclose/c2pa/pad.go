package c2pa

import "fmt"

// Stores are written in two passes: the length of everything is fixed before
// the content's hash and the signature are known. Zero bytes take up what a
// value leaves of its room. The head of a CBOR byte string has 1, 2, 3 or 5
// bytes, so a few sizes cannot be met by one byte string: 25, 258, and more
// further up. Rooms are therefore chosen so that the padding always stays inside
// one class of heads, and the outcome is asserted.

// padding returns the zero bytes whose CBOR encoding, head included, takes
// exactly size bytes.
func padding(size int) ([]byte, error) {
	for _, class := range []struct{ head, least, most int }{{1, 0, 23}, {2, 24, 255}, {3, 256, 0xFFFF}, {5, 0x10000, MaxStore}} {
		if n := size - class.head; n >= class.least && n <= class.most {
			return make([]byte, n), nil
		}
	}
	return nil, fmt.Errorf("c2pa: no byte string is encoded in %d bytes", size)
}

// byteStringSize is the length of the CBOR encoding of n bytes.
func byteStringSize(n int) int {
	switch {
	case n < 24:
		return 1 + n
	case n < 256:
		return 2 + n
	case n < 0x10000:
		return 3 + n
	}
	return 5 + n
}

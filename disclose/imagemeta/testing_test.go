package imagemeta

import (
	"bytes"
	"compress/zlib"
	"testing"
)

// deflated is text as zTXt and iTXt hold it.
func deflated(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

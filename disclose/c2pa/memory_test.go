package c2pa

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
)

// TestBodyIsCopiedOnce signs bodies of several megabytes: a service that holds
// many outputs counts on one copy of each.
func TestBodyIsCopiedOnce(t *testing.T) {
	const size = 4 << 20
	s := testSigner(t, "Ed25519")
	jpeg := jpegFile(t)
	scan := slices.Concat(jpeg[:len(jpeg)-2], bytes.Repeat([]byte{0x55}, size), jpeg[len(jpeg)-2:])
	mp4 := mp4File("isom", true)
	mdat := slices.Concat(mp4, bmffBox("mdat", make([]byte, size)))
	idat := pngFile(t, 1000, size/3000)
	for name, file := range map[string][]byte{"png": idat, "jpeg": scan, "wav": wavFile(size), "mp4": mdat, "mp3": mp3Frames(size / 417)} {
		if _, _, err := Sign(t.Context(), file, fullManifest(), s); err != nil { // warm up
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := Sign(t.Context(), file, fullManifest(), s); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(len(file))*5/4 {
			t.Errorf("%s: %d bytes allocated for a file of %d, want one copy", name, got, len(file))
		}
	}
}

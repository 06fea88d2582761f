package container

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// streamedWAV is a WAV as it is written to a pipe, where lengths are not known.
func streamedWAV(riff, data uint32, samples string) []byte {
	file := riffFile("WAVE", riffChunk("fmt ", make([]byte, 16)), riffChunk("data", nil))
	binary.LittleEndian.PutUint32(file[4:], riff)
	binary.LittleEndian.PutUint32(file[len(file)-4:], data)
	return append(file, samples...)
}

// TestStreamedWAV: lengths that were not known are known once a store is behind
// them.
func TestStreamedWAV(t *testing.T) {
	for name, c := range map[string]struct{ riff, data uint32 }{
		"all ones": {1<<32 - 1, 1<<32 - 1},
		"zeros":    {0, 0},
		"2 GiB":    {0x7FFFF024, 0x7FFFF000},
	} {
		t.Run(name, func(t *testing.T) {
			const samples = "sound of odd length"
			file := streamedWAV(c.riff, c.data, samples)
			if f, err := Find(file); err != nil || f.Stores != 0 {
				t.Fatalf("Find = %d stores, %v, want none", f.Stores, err)
			}
			out, slot, err := Reserve(file, 60)
			if err != nil {
				t.Fatal(err)
			}
			if err := slot.Put(out, storeOf(60, 1)); err != nil {
				t.Fatal(err)
			}
			checkFound(t, out, storeOf(60, 1), slot.Exclude)
			want := riffFile("WAVE", riffChunk("fmt ", make([]byte, 16)), riffChunk("data", []byte(samples)), riffChunk("C2PA", storeOf(60, 1)))
			if !bytes.Equal(out, want) {
				t.Fatalf("out = %q, want %q", out, want)
			}
		})
	}
}

func TestRIFFRefusals(t *testing.T) {
	for name, file := range map[string][]byte{
		"streamed WebP":      append([]byte("RIFF\xFF\xFF\xFF\xFFWEBP"), riffChunk("VP8L", nil)...),
		"streamed, no data":  append([]byte("RIFF\xFF\xFF\xFF\xFFWAVE"), riffChunk("fmt ", nil)...),
		"cut":                riffFile("WAVE", riffChunk("data", make([]byte, 10)))[:20],
		"data cut, streamed": streamedWAV(1<<32-1, 4000, "short"),
		"several RIFF":       append(riffFile("AVI ", riffChunk("LIST", []byte("movi"))), riffFile("AVIX")...),
		"half a chunk":       append([]byte("RIFF\x08\x00\x00\x00WAVE"), "data"...),
	} {
		if _, _, err := Reserve(file, 100); !errors.Is(err, ErrContainer) {
			t.Errorf("%s: Reserve = %v, want ErrContainer", name, err)
		}
	}
}

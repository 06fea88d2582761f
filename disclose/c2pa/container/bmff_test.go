package container

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// pointsTo returns the bytes that the offsets of a file point to, in the order of
// the tables, read without the package's own walk.
func pointsTo(t *testing.T, file []byte) (all []byte) {
	t.Helper()
	at := func(off, width int) {
		var v uint64
		for _, b := range file[off : off+width] {
			v = v<<8 | uint64(b)
		}
		if v >= uint64(len(file)) {
			t.Fatalf("offset at %d points to %d, behind the file of %d bytes", off, v, len(file))
		}
		all = append(all, file[v])
	}
	for _, c := range []struct {
		kind        string
		skip, width int
		n           int
	}{{"stco", 12, 4, 2}, {"co64", 12, 8, 1}, {"saio", 12, 4, 1}} {
		if i := bytes.Index(file, []byte(c.kind)); i >= 0 {
			for k := range c.n {
				at(i+c.skip+k*c.width, c.width)
			}
		}
	}
	if i := bytes.LastIndex(file, []byte("saio")); i >= 0 {
		at(i+4+4+8+4, 8)
	}
	if i := bytes.Index(file, []byte("iloc")); i >= 0 {
		at(i+4+8+6+4+2, 4) // item 1: its extent
		base := i + 4 + 8 + 20 + 6
		at(base, 4) // item 2: its base
		if got := file[base+6 : base+6+16]; !bytes.Equal(got, be32(5, 2, 9, 2)) {
			t.Fatalf("extents above a base = %x, want them unchanged", got)
		}
		third := base + 4 + 2 + 16
		if got := file[third+6 : third+6+14]; !bytes.Equal(got, append([]byte{0, 0, 0, 0, 0, 1}, be32(0, 4)...)) {
			t.Fatalf("item in idat = %x, want it unchanged", got)
		}
	}
	return all
}

// TestOffsetsFollow: what offsets point to is the same before and after, and
// when a store goes or changes its size.
func TestOffsetsFollow(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{"front": {frontMovie(), "15915"}, "back": {backMovie(), "15915"}, "still": {still(), "10"}} {
		t.Run(name, func(t *testing.T) {
			file, want := c.file, []byte(c.want)
			if got := pointsTo(t, file); !bytes.Equal(got, want) {
				t.Fatalf("the sample points to %q, want %q", got, want)
			}
			for _, size := range []int{46, 5000} {
				out, _, err := Reserve(file, size)
				if err != nil {
					t.Fatal(err)
				}
				if got := pointsTo(t, out); !bytes.Equal(got, want) {
					t.Fatalf("with a store of %d bytes offsets point to %q, want %q", size, got, want)
				}
				if file, err = Remove(out); err != nil {
					t.Fatal(err)
				}
				if got := pointsTo(t, file); !bytes.Equal(got, want) {
					t.Fatalf("without the store offsets point to %q, want %q", got, want)
				}
				file = out
			}
		})
	}
}

func TestBMFFRefusals(t *testing.T) {
	moov := func(parts ...[]byte) []byte { return bytes.Join([][]byte{ftyp(), bmffBox("moov", parts...)}, nil) }
	stco := func(v uint32) []byte {
		return bmffBox("trak", bmffBox("mdia", bmffBox("minf", bmffBox("stbl", bmffBox("stco", be32(0, 1, v))))))
	}
	many := ftyp()
	for range maxC2PABoxes + 1 {
		many = append(many, uuidBox(storeOf(50, 0))...)
	}
	for name, file := range map[string][]byte{
		"fragmented":          moov(bmffBox("mvex")),
		"fragments":           append(moov(), bmffBox("moof")...),
		"media elsewhere":     moov(bmffBox("trak", bmffBox("mdia", bmffBox("minf", bmffBox("dinf", bmffBox("dref", be32(0, 1), bmffBox("url ", be32(0)))))))),
		"offset of 32 bits":   moov(stco(1<<32 - 1)),
		"table too long":      moov(bmffBox("trak", bmffBox("mdia", bmffBox("minf", bmffBox("stbl", bmffBox("stco", be32(0, 1<<32-1))))))),
		"item of whole file":  append(ftyp(), bmffBox("meta", be32(0), bmffBox("iloc", be32(0), []byte{0, 0, 0, 1, 0, 1, 0, 0, 0, 1}))...),
		"iloc cut":            append(ftyp(), bmffBox("meta", be32(0), bmffBox("iloc", be32(0), []byte{0x44, 0, 0, 9}))...),
		"iloc widths":         append(ftyp(), bmffBox("meta", be32(0), bmffBox("iloc", be32(0), []byte{0xF4, 0, 0, 0}))...),
		"mdat cut":            append(ftyp(), "\x00\x00\x01\x00mdat"...),
		"store for updates":   append(ftyp(), bmffBox("uuid", []byte(uuidC2PA+"\x00\x00\x00\x00update\x00"))...),
		"no purpose":          append(ftyp(), bmffBox("uuid", []byte(uuidC2PA+"\x00\x00\x00\x00manifest"))...),
		"no room for offset":  append(ftyp(), bmffBox("uuid", []byte(uuidC2PA+"\x00\x00\x00\x00manifest\x00\x00"))...),
		"uuid cut":            append(ftyp(), bmffBox("uuid", []byte(uuidC2PA))...),
		"many stores":         many,
		"box behind the file": append(ftyp(), "\x00\x00\x01\x00free"...),
		"long length":         append(ftyp(), "\x00\x00\x00\x01mdat\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"...),
		"short length":        append(ftyp(), "\x00\x00\x00\x07free"...),
	} {
		if _, _, err := Reserve(file, 100); !errors.Is(err, ErrContainer) {
			t.Errorf("%s: Reserve = %v, want ErrContainer", name, err)
		}
	}
}

// TestMerkleBoxesGoWithTheStore: they are worth nothing without it.
func TestMerkleBoxesGoWithTheStore(t *testing.T) {
	merkle := bmffBox("uuid", []byte(uuidC2PA+"\x00\x00\x00\x00merkle\x00\xA0"))
	file := bytes.Join([][]byte{ftyp(), uuidBox(storeOf(50, 0)), mediaBox(), merkle}, nil)
	out, err := Remove(file)
	if want := append(ftyp(), mediaBox()...); err != nil || !bytes.Equal(out, want) {
		t.Fatalf("Remove = %q, %v, want %q", out, err, want)
	}
}

func ptr[T any](v T) *T { return &v }

// TestHashBMFF compares with hashes over bytes put together by hand.
func TestHashBMFF(t *testing.T) {
	full := bmffBox("stco", be32(0x01000005), []byte("0123456789"))
	trak := bmffBox("trak", bmffBox("mdia", bmffBox("minf", bmffBox("stbl", full))))
	file := bytes.Join([][]byte{ftyp(), bmffBox("moov", trak, trak), mediaBox(), []byte("tail")}, nil)
	moov, mdat := len(ftyp()), len(file)-len(mediaBox())-4
	off := func(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
	cut := func(from, to int) []byte { return slices.Concat(file[:from], file[to:]) }
	stco := func(path string) BMFFExclusion { return BMFFExclusion{XPath: path} }
	first := moov + 8 + 8 + 8 + 8 + 8 // where the first stco stands
	second := first + len(trak)
	const path = "/moov/trak[1]/mdia/minf/stbl/stco"
	for name, c := range map[string]struct {
		version int
		x       []BMFFExclusion
		want    []byte
	}{
		"v1 nothing":        {1, nil, file},
		"v1 ftyp":           {1, []BMFFExclusion{{XPath: "/ftyp"}}, file[moov:]},
		"v2 nothing":        {2, nil, slices.Concat(off(0), file[:moov], off(moov), file[moov:mdat], off(mdat), file[mdat:])},
		"v3 ftyp and moov":  {3, []BMFFExclusion{{XPath: "/moov"}, {XPath: "/ftyp"}}, slices.Concat(off(mdat), file[mdat:])},
		"absent":            {1, []BMFFExclusion{{XPath: "/mfra"}, {XPath: "/ftyp/free"}}, file},
		"by index":          {1, []BMFFExclusion{stco("/moov/trak[2]/mdia/minf/stbl/stco")}, cut(second, second+len(full))},
		"index too high":    {1, []BMFFExclusion{stco("/moov/trak[3]/mdia/minf/stbl/stco")}, file},
		"all of a name":     {1, []BMFFExclusion{stco("/moov/trak/mdia/minf/stbl/stco")}, slices.Concat(file[:first], file[first+len(full):second], file[second+len(full):])},
		"subset":            {2, []BMFFExclusion{{XPath: "/mdat", Subset: []Range{{8, 4}}}, {XPath: "/ftyp"}, {XPath: "/moov"}}, slices.Concat(off(mdat), file[mdat:mdat+8], file[mdat+12:])},
		"subset to the end": {1, []BMFFExclusion{{XPath: "/mdat", Subset: []Range{{8, 0}}}}, cut(mdat+8, len(file)-4)},
		"subset behind it":  {1, []BMFFExclusion{{XPath: "/mdat", Subset: []Range{{24, 0}, {22, 99}}}}, cut(mdat+22, len(file)-4)},
		"overlapping":       {1, []BMFFExclusion{{XPath: "/mdat", Subset: []Range{{8, 8}, {10, 2}, {14, 4}}}}, cut(mdat+8, mdat+18)},
		"data":              {1, []BMFFExclusion{{XPath: "/mdat", Data: []BMFFData{{8, []byte("012")}}}}, cut(mdat, len(file)-4)},
		"other data":        {1, []BMFFExclusion{{XPath: "/mdat", Data: []BMFFData{{8, []byte("013")}}}, {XPath: "/mdat", Data: []BMFFData{{23, []byte("fg")}}}}, file},
		"length":            {1, []BMFFExclusion{{XPath: "/mdat", Length: ptr(int64(24))}}, cut(mdat, len(file)-4)},
		"other length":      {1, []BMFFExclusion{{XPath: "/mdat", Length: ptr(int64(23))}}, file},
		"version":           {1, []BMFFExclusion{{XPath: path, Version: ptr(1)}}, cut(first, first+len(full))},
		"other version":     {1, []BMFFExclusion{{XPath: path, Version: ptr(0)}, {XPath: "/mdat", Version: ptr(int('0'))}}, file},
		"flags":             {1, []BMFFExclusion{{XPath: path, Flags: []byte{0, 0, 5}}}, cut(first, first+len(full))},
		"flags not exact":   {1, []BMFFExclusion{{XPath: path, Flags: []byte{0, 0, 4}, Exact: ptr(false)}}, cut(first, first+len(full))},
		"other flags":       {1, []BMFFExclusion{{XPath: path, Flags: []byte{0, 0, 4}}, {XPath: path, Flags: []byte{0, 0, 2}, Exact: ptr(false)}}, file},
	} {
		h := sha256.New()
		if err := HashBMFF(h, file, c.x, c.version); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := sha256.Sum256(c.want); !bytes.Equal(h.Sum(nil), want[:]) {
			t.Errorf("%s: other bytes were hashed than %d expected ones", name, len(c.want))
		}
	}
}

func TestHashBMFFRefuses(t *testing.T) {
	many := make([]BMFFExclusion, maxExclusions+1)
	for _, c := range []struct {
		version int
		x       []BMFFExclusion
	}{
		{0, nil}, {4, nil}, {2, many},
		{2, []BMFFExclusion{{XPath: "ftyp"}}}, {2, []BMFFExclusion{{XPath: ""}}}, {2, []BMFFExclusion{{XPath: "//ftyp"}}},
		{2, []BMFFExclusion{{XPath: "/ft"}}}, {2, []BMFFExclusion{{XPath: "/ftyp[0]"}}}, {2, []BMFFExclusion{{XPath: "/ftyp[01]"}}},
		{2, []BMFFExclusion{{XPath: "/ftyp[-1]"}}}, {2, []BMFFExclusion{{XPath: "/ftyp[1"}}}, {2, []BMFFExclusion{{XPath: "/ftypx"}}},
		{2, []BMFFExclusion{{XPath: strings.Repeat("/moov", 40)}}},
		{2, []BMFFExclusion{{XPath: "/ftyp", Flags: []byte{0}}}},
		{2, []BMFFExclusion{{XPath: "/ftyp", Subset: []Range{{-1, 0}}}}},
	} {
		if err := HashBMFF(sha256.New(), frontMovie(), c.x, c.version); !errors.Is(err, ErrContainer) {
			t.Errorf("version %d, exclusions %.100v: error = %v, want ErrContainer", c.version, c.x, err)
		}
	}
}

// TestHashBMFFSlowly compares with a bitmap of the bytes left out.
func TestHashBMFFSlowly(t *testing.T) {
	file := frontMovie()
	top, _, err := parseBMFF(file)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		gone := make([]bool, len(file))
		var x []BMFFExclusion
		for range rapid.IntRange(0, 6).Draw(t, "exclusions") {
			b := top[rapid.IntRange(0, len(top)-1).Draw(t, "box")]
			from, n := rapid.IntRange(0, 400).Draw(t, "from"), rapid.IntRange(1, 400).Draw(t, "length")
			x = append(x, BMFFExclusion{XPath: "/" + b.kind, Subset: []Range{{int64(from), int64(n)}}})
			for i := from; i < from+n && i < int(b.whole.Length); i++ {
				gone[int(b.whole.Start)+i] = true
			}
		}
		var want []byte
		for i, b := range file {
			if !gone[i] {
				want = append(want, b)
			}
		}
		h, slow := sha256.New(), sha256.Sum256(want)
		if err := HashBMFF(h, file, x, 1); err != nil || !bytes.Equal(h.Sum(nil), slow[:]) {
			t.Fatalf("HashBMFF and the slow definition differ: %v", err)
		}
	})
}

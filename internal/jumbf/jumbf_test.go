package jumbf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

func tree() *Box {
	return &Box{Type: "jumb", UUID: C2PA("c2pa"), Label: "c2pa", Children: []Box{
		{Type: "jumb", UUID: C2PA("c2ma"), Label: "urn:c2pa:1", Children: []Box{{Type: "cbor", Data: []byte{0xA0}}, {Type: "json", Data: []byte("{}")}}},
	}}
}

func TestRoundTrip(t *testing.T) {
	data := tree().Append(nil)
	got, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	m := got.Child("urn:c2pa:1")
	if got.UUID.FourCC() != "c2pa" || m == nil || m.UUID.FourCC() != "c2ma" || string(m.Content("json").Data) != "{}" {
		t.Fatalf("read %+v", got)
	}
	if again := got.Append(nil); !bytes.Equal(again, data) {
		t.Fatalf("written %x\nread    %x", data, again)
	}
	if !bytes.Equal(got.Data, data[8:]) {
		t.Fatal("Data of a superbox is not what follows its header")
	}
}

func TestHostileBoxes(t *testing.T) {
	good := tree().Append(nil)
	deep := Box{Type: "jumb", UUID: C2PA("c2pa"), Label: "x"}
	for range MaxDepth + 1 {
		deep = Box{Type: "jumb", UUID: C2PA("c2pa"), Label: "x", Children: []Box{deep}}
	}
	many := Box{Type: "jumb", UUID: C2PA("c2pa"), Label: "x", Children: make([]Box, MaxBoxes)}
	for i := range many.Children {
		many.Children[i].Type = "cbor"
	}
	long := bytes.Clone(good)
	binary.BigEndian.PutUint32(long, 1<<31)
	badLabel := tree()
	badLabel.Label = "a/b"
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty": {nil, ErrBox}, "cut": {good[:20], ErrBox}, "long": {long, ErrBox}, "behind": {append(bytes.Clone(good), 0), ErrBox},
		"no superbox": {(&Box{Type: "cbor", Data: []byte("x")}).Append(nil), ErrBox},
		"deep":        {deep.Append(nil), ErrDepth}, "many": {many.Append(nil), ErrMany}, "label": {badLabel.Append(nil), ErrBox},
	} {
		if _, err := Parse(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestEveryCutIsAnError(t *testing.T) {
	good := tree().Append(nil)
	for i := range good {
		if _, err := Parse(good[:i]); err == nil {
			t.Fatalf("cut at %d was accepted", i)
		}
	}
	if strings.Contains(UUID{}.FourCC(), "c2") {
		t.Fatal("the zero type has a name")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(tree().Append(nil))
	f.Add([]byte("\x00\x00\x00\x01jumb\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Parse(data)
		if err != nil {
			return
		}
		if _, err := Parse(b.Append(nil)); err != nil && b.Toggles&0x02 != 0 {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}

package c2pa

import (
	"bytes"
	"context"
	"testing"
	"time"
)

// TestParentOfTheDeprecatedType: what a validator takes can be a parent.
func TestParentOfTheDeprecatedType(t *testing.T) {
	_, leaf, key, err := NewDevelopment(time.Now(), "Example GmbH")
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadSigner(leaf, key)
	if err != nil {
		t.Fatal(err)
	}
	m := Manifest{Generator: Generator{Name: "test"}, SourceType: "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}
	store, _, err := SignDetached(context.Background(), []byte("content"), m, s)
	if err != nil {
		t.Fatal(err)
	}
	store = bytes.Replace(store, []byte("c2ma"), []byte("c2md"), 1)
	m.SourceType, m.Parent = "", &Parent{Store: store, Results: &ValidationResults{}}
	signed, _, err := SignDetached(context.Background(), []byte("content"), m, s)
	if err != nil || !bytes.Contains(signed, []byte("c2md")) {
		t.Errorf("%v", err)
	}
}

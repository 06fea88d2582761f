package validate

import (
	"testing"
)

func TestGoodForgery(t *testing.T) {
	r := check(t, newForge().sign(t, testPNG(t, 40, 30)))
	if r.State != Trusted || len(failures(r)) > 0 {
		t.Fatalf("state %v, failures %v, want Trusted", r.State, r.Statuses)
	}
}

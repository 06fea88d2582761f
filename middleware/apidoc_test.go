package middleware

import (
	"os"
	"strings"
	"testing"
)

// TestEveryProblemIsDocumented: docs/api.md has a row for every problem.
func TestEveryProblemIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []problem{
		problemQuestion, problemTooLarge, problemToken, problemVerifiersOnly, problemURLOff, problemURL, problemRate, problemConcurrent, problemNear,
		problemBusy, problemUnsigned, problemSigner, problemBinding, problemLong, problemRecords, problemFeedback, problemNotFound, problemMethod(get), manifestProblem(errManifestName),
	} {
		kind, ok := strings.CutPrefix(p.Type, problemBase)
		if !ok || !strings.Contains(string(doc), "| `"+kind+"` | "+itoa(p.Status)) {
			t.Errorf("%s (%d) has no row", kind, p.Status)
		}
	}
}

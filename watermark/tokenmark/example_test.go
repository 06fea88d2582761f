package tokenmark_test

import (
	"fmt"
	"log"

	"github.com/avowai/avow/watermark/tokenmark"
)

// The token_ids of an answer that vLLM drew with
// --watermark-config '{"algorithm":"gumbel","key":42}' are tested against the
// keys in use, the current one and the one before.
func ExampleDetect() {
	ids := []int32{
		46, 24, 45, 80, 14, 26, 22, 124, 21, 45, 16, 30, 5, 89, 0, 10, 27, 70, 80, 62, 1, 11,
		117, 53, 10, 45, 94, 37, 43, 22, 78, 49, 119, 9, 22, 118, 82, 75, 32, 24, 84, 27, 122,
	}
	current, err := tokenmark.ParseKey("42")
	if err != nil {
		log.Fatal(err)
	}
	found, err := tokenmark.Detect(ids,
		tokenmark.Profile{Key: current},
		tokenmark.Profile{Key: tokenmark.NewKey(41)},
		tokenmark.Profile{Scheme: tokenmark.DualGumbel, Key: current},
	)
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range found {
		fmt.Printf("%v with key %s: found %v, false positive rate %.0e\n", d.Scheme, d.KeyID, d.Found, d.FalsePositiveRate)
	}
	// Output:
	// gumbel with key t-32ab6bb5: found true, false positive rate 3e-41
	// gumbel with key t-e3baf091: found false, false positive rate 1e+00
	// dual_key_gumbel with key t-32ab6bb5: found false, false positive rate 7e-02
}

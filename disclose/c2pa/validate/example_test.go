package validate_test

import (
	"context"
	"fmt"
	"os"

	"github.com/avowai/avow/disclose/c2pa/validate"
)

// A file without a manifest store is no finding about its content.
func ExampleAsset() {
	png := []byte("\x89PNG\r\n\x1a\n")
	r, err := validate.Asset(context.Background(), png, validate.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(r.State, len(r.Statuses), r.Active == nil)
	// Output: None 0 true
}

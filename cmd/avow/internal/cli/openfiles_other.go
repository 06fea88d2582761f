//go:build !unix

package cli

// openFileLimit is 0: no limit is known here.
func openFileLimit() uint64 { return 0 }

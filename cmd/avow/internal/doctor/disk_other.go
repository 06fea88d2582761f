//go:build !linux && !darwin

package doctor

// writable is not known here without writing.
func writable(string) error { return nil }

func freeSpace(string) (uint64, bool) { return 0, false }

//go:build unix

package cli

import "syscall"

// descriptorLimit is how many file descriptors this process may have open. The Go
// runtime has raised the limit as far as it may by then.
func descriptorLimit() (uint64, bool) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, false
	}
	return uint64(r.Cur), true
}

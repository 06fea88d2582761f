//go:build unix

package cli

import "syscall"

// openFileLimit is how many files this process may have open, 0 where that is not
// known. Go has raised the soft limit to the hard one at its start.
func openFileLimit() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return uint64(l.Cur) // int64 on FreeBSD
}

//go:build unix

package bulk

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps other processes out until f is closed, also by the process's end.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

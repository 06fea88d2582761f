//go:build linux || darwin

package doctor

import "golang.org/x/sys/unix"

// writable asks whether this user may write there, without trying it.
func writable(path string) error { return unix.Access(path, unix.W_OK) }

// freeSpace is what this user may still write, in bytes.
func freeSpace(path string) (uint64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

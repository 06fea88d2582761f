// Package private says whether a file with a secret is kept from others.
package private

import (
	"io/fs"
	"os"
	"runtime"
)

// Bits of a file's mode.
const (
	groupRead = 0o040
	notOwner  = 0o077
)

// Kept reports whether nobody but the owner can read or write a file.
//
// A group may read a file of root's that is handed to a service without root's
// rights: Kubernetes gives mounted secrets to the pod's fsGroup (mode 0440), and
// systemd lets the unit's user read its credentials by an access control list, whose
// mask stands where the mode of the group does (acl(5)). On Windows the mode says
// nothing, and every file counts as kept.
func Kept(info fs.FileInfo) bool {
	if runtime.GOOS == "windows" {
		return true
	}
	return kept(info.Mode().Perm(), ownedByRoot(info), os.Geteuid())
}

func kept(mode fs.FileMode, rootOwns bool, user int) bool {
	open := mode & notOwner
	return open == 0 || open == groupRead && rootOwns && user != 0
}

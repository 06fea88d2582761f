//go:build !unix

package private

import "io/fs"

func ownedByRoot(fs.FileInfo) bool { return false }

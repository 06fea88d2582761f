//go:build !unix

package cli

func runAsChild() {}

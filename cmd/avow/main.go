// Command avow wraps AI backends, marks what they answer, and verifies marks.
package main

import (
	"os"

	"github.com/avowai/avow/cmd/avow/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

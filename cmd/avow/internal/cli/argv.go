package cli

import (
	"errors"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// errSecretInArguments: what stands in a command line, every user of the machine can
// read.
var errSecretInArguments = errors.New("a password stands in the command line, where every user of this machine can read it")

// refuseSecrets refuses flags and arguments that hold a URL with a password. It comes
// before the environment is read, in which they may stand.
func refuseSecrets(cmd *cobra.Command, args []string) error {
	found := false
	for _, arg := range args {
		found = found || holdsPassword(arg)
	}
	cmd.Flags().Visit(func(f *pflag.Flag) { found = found || holdsPassword(f.Value.String()) })
	if found {
		return hint(errSecretInArguments, "put the address into the configuration file, into a file that it names, or into an environment variable such as AVOW_UPSTREAM")
	}
	return nil
}

func holdsPassword(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return false
	}
	_, set := u.User.Password()
	return set
}

package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
)

func (a *app) config() *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "config", Short: "Check or show the configuration, or print its schema"}
	cmd.PersistentFlags().StringVar(&file, "config", "", "configuration file")
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Say what is wrong with a configuration", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				if _, err := loadConfig(file); err != nil {
					return err
				}
				_, err := fmt.Fprintln(a.out, "ok")
				return err
			},
		},
		&cobra.Command{
			Use: "show", Short: "Print the effective configuration, defaults included, without secrets", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				c, err := loadConfig(file)
				if err != nil {
					return err
				}
				text, err := c.YAML()
				if err != nil {
					return err
				}
				_, err = a.out.Write(text)
				return err
			},
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				text, err := config.Schema()
				if err != nil {
					return err
				}
				_, err = a.out.Write(text)
				return err
			},
		},
	)
	return cmd
}

// loadConfig reads a file, or takes the defaults where none is named, and puts the
// environment over it.
func loadConfig(file string) (config.Config, error) {
	c, err := config.Default(), error(nil)
	if file != "" {
		c, err = config.Load(file)
	}
	if err == nil {
		err = c.Environment(os.LookupEnv)
	}
	if err == nil {
		err = c.Check()
	}
	if err != nil {
		return c, hint(err, "docs/cli.md lists all keys; avow config show prints the defaults")
	}
	return c, nil
}

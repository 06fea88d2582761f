package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Bounds of a question about health.
const (
	healthWait = 3 * time.Second
	healthBody = 1 << 10 // bytes of an answer that are shown
)

// health asks a running avow how it is, for containers that hold nothing else which
// could ask.
func (a *app) health() *cobra.Command {
	var file, admin string
	var ready bool
	cmd := &cobra.Command{
		Use: "health", Short: "Ask a running proxy or service whether it lives, or is ready", Args: cobra.NoArgs,
		Long: "Exit code 0: it answers that it is; 1: it answers that it is not, or does not answer.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(file)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("admin") {
				c.Admin = admin
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return a.askHealth(cmd.Context(), c.Admin, path)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration file: where the admin address is")
	cmd.Flags().StringVar(&admin, "admin", "", `address of metrics and health (default "127.0.0.1:9090")`)
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it takes requests")
	return cmd
}

func (a *app) askHealth(ctx context.Context, admin, path string) error {
	host, port, err := net.SplitHostPort(admin)
	if err != nil {
		return hint(fmt.Errorf("the admin address %.64q is none", admin), "write it as 127.0.0.1:9090")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // listened on everywhere
	}
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return hint(errors.New("the admin address is none"), "write it as 127.0.0.1:9090")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	resp, err := client.Do(req)
	if err != nil {
		a.say("no answer from %s: %v", admin, err)
		return errNo
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, healthBody))
	if err != nil {
		a.say("no whole answer from %s: %v", admin, err)
		return errNo
	}
	if _, err := fmt.Fprintln(a.out, strings.TrimSpace(string(text))); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errNo
	}
	return nil
}

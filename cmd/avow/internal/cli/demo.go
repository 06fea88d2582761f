package cli

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/avowai/avow/cmd/avow/internal/config"
	"github.com/avowai/avow/cmd/avow/internal/demo"
)

func (a *app) demo() *cobra.Command {
	var addr, admin string
	cmd := &cobra.Command{
		Use: "demo", Short: "Show the main job with a built-in backend and no set-up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return a.runDemo(ctx, addr, admin)
		},
	}
	cmd.Flags().StringVar(&addr, "listen", "127.0.0.1:8080", "public address")
	cmd.Flags().StringVar(&admin, "admin", "127.0.0.1:9090", "address of metrics and health")
	return cmd
}

func (a *app) runDemo(ctx context.Context, addr, admin string) error {
	log, err := a.logger()
	if err != nil {
		return err
	}
	const anyPort = "127.0.0.1:0"
	backend, err := listen(map[string]http.Handler{anyPort: demo.Backend()})
	if err != nil {
		return err
	}
	defer backend.close()
	go func() { _ = backend.serve() }()
	c := config.Default()
	c.Upstream, c.Provider, c.System, c.SystemVersion = "http://"+backend.addr(anyPort), "avow demo", "stand-in", "1"
	s, err := a.newService(c, log, "demo")
	if err != nil {
		return err
	}
	defer s.close()
	servers, err := listenBoth(addr, s.public, admin, s.admin)
	if err != nil {
		return err
	}
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	option := ""
	if a.data != "" { // the commands need the same keys and ledger
		option = fmt.Sprintf(" --data %q", dir)
	}
	_, err = fmt.Fprintf(a.out, demoText, servers.addr(addr), servers.addr(admin), dir, option)
	if err != nil {
		return err
	}
	leave := a.departure(s)
	leave.delay = 0 // nobody's balancer is in front
	return servers.run(ctx, leave)
}

// demoText takes the public address, the admin address, the data directory, and the
// option that names it to other commands.
const demoText = `avow demo: a chat and an image backend, wrapped by avow.
The backend is a stand-in: a few rules and a painter of landscapes, no AI model.

  proxy    http://%[1]s
  page     http://%[1]s/avow/verify (open it in a browser)
  verify   http://%[1]s/avow/v1/verify
  about    http://%[1]s/.well-known/ai-disclosure.json
  metrics  http://%[2]s/metrics
  keys, ledger  %[3]s

Try in another terminal:

1. A streamed answer. It starts with the notice; see AI-Disclosure and Avow-Id in the header.
   Between its words stand invisible marks.

   curl -ND /dev/stderr http://%[1]s/v1/chat/completions -H 'Content-Type: application/json' -H 'Accept-Language: en' \
     -d '{"model":"demo","stream":true,"messages":[{"role":"user","content":"Tell me a story of a lighthouse."}]}' | tee answer.sse

2. An image. Its marks carry the id of the Avow-Id header.

   curl -sD /dev/stderr http://%[1]s/v1/images/generations -H 'Content-Type: application/json' \
     -d '{"prompt":"a lighthouse by the sea at sunset"}' | tee image.json | sed 's/.*"b64_json":"\([^"]*\)".*/\1/' | base64 -d > image.png

3. Which marks do they carry? Ask the command line or the service, which both know what was
   recorded; or drop the image onto the page. The ledger says whether its records were changed.

   go run ./cmd/avow verify%[4]s answer.sse image.png
   go run ./cmd/avow ledger verify%[4]s
   curl -s http://%[1]s/avow/v1/verify -H 'Content-Type: image/png' --data-binary @image.png

Ctrl-C stops the demo.
`

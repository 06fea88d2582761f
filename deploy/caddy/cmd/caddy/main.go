// Command caddy is Caddy with its standard modules and http.handlers.avow.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/avowai/avow/deploy/caddy"
)

func main() { caddycmd.Main() }

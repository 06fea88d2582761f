package cli

import (
	"io"
	"log"
	"regexp"
)

// A clientless writer takes clients' addresses out of what net/http logs of its own
// accord, such as "http: panic serving 192.0.2.1:1234": no log says who asked.
type clientless struct{ w io.Writer }

var servedClient = regexp.MustCompile(`\b(serving|from) \S+:\d+`)

func (c clientless) Write(line []byte) (int, error) {
	if _, err := c.w.Write(servedClient.ReplaceAll(line, []byte("$1 a client"))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// serverLog is a server's own log.
func serverLog(w io.Writer) *log.Logger { return log.New(clientless{w}, "avow: ", 0) }

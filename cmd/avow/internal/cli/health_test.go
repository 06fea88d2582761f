package cli

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	st := newStage(t, 0, longEnough)
	h := home{t: t}
	admin := strings.TrimPrefix(st.admin, "http://")
	h.run("health", "--admin", admin).want(exitOK, "ok", "")
	h.run("health", "--ready", "--admin", admin).want(exitOK, "ok", "")
	_, port, err := net.SplitHostPort(admin)
	if err != nil {
		t.Fatal(err)
	}
	h.run("health", "--admin", ":"+port).want(exitOK, "ok", "")
	st.begin()
	st.stop()
	st.eventually("not ready", func() bool { return st.readiness() == http.StatusServiceUnavailable })
	h.run("health", "--admin", admin).want(exitOK, "ok", "")
	h.run("health", "--ready", "--admin", admin).want(exitNo, "stopping", "")
	close(st.last)
	st.wait()
	h.run("health", "--admin", admin).want(exitNo, "", "no answer from")
	h.run("health", "--admin", "nonsense").want(exitTrouble, "", "127.0.0.1:9090")
}

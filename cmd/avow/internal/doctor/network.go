package doctor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/avowai/avow/cmd/avow/internal/signing"
)

// Differences between clocks: signatures and records carry the time.
const (
	offBy   = 2 * time.Minute
	wayOff  = time.Hour
	itself  = "avow has it already"
	pathOwn = "/.well-known/ai-disclosure.json"
)

// client asks once, and follows nothing.
var client = &http.Client{
	Timeout:       askTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
}

// get asks an address; the error names no address, since a token may be in it.
func get(ctx context.Context, address string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, errors.New("not a URL")
	}
	req.Header.Set("User-Agent", "avow-doctor")
	resp, err := client.Do(req)
	if err != nil {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp, body, err
}

// clock compares the clock with the build, and with the upstream's.
func (v *visit) clock(ctx context.Context) {
	const name = "clock"
	const hint = "set the clock right, best by NTP: marks, records and signatures carry its time"
	if v.now.Before(v.o.Built) {
		v.fail(name, hint, "%s is before this program was built (%s)", v.now.UTC().Format(time.RFC3339), v.o.Built.UTC().Format(time.RFC3339))
		return
	}
	if v.o.Config.Upstream != "" {
		before := v.o.Now()
		resp, _, err := get(ctx, v.o.Config.Upstream)
		if err == nil {
			if date, derr := http.ParseTime(resp.Header.Get("Date")); derr == nil {
				v.compareClocks(before, v.o.Now(), date)
				return
			}
		}
	}
	v.ok(name, "%s; no other clock to compare it with", v.now.UTC().Format(time.RFC3339))
}

func (v *visit) compareClocks(before, after, date time.Time) {
	const name, hint = "clock", "set both clocks right, best by NTP: marks, records and signatures carry the time"
	off := max(before.Sub(date)-time.Second, date.Sub(after), 0) // Date counts whole seconds
	switch {
	case off > wayOff:
		v.fail(name, hint, "%s away from the upstream's", off.Round(time.Second))
	case off > offBy:
		v.warn(name, hint, "%s away from the upstream's", off.Round(time.Second))
	default:
		v.ok(name, "agrees with the upstream's")
	}
}

// probes tell which API an upstream has, by what its list of models looks like.
var probes = []struct{ path, member, api string }{
	{"/api/tags", "models", "Ollama"},
	{"/v1/models", "data", "OpenAI"},
	{"/v1beta/models", "models", "Gemini"},
	{"/system_stats", "system", "ComfyUI"},
	{"/sdapi/v1/cmd-flags", "api", "Automatic1111"},
	{"/info", "model_id", "text generation inference"},
}

// upstream looks at the AI backend.
func (v *visit) upstream(ctx context.Context) {
	const name = "upstream"
	if v.o.Config.Upstream == "" {
		v.ok(name, "none is named: give one with --upstream or --config to have it looked at")
		return
	}
	base := strings.TrimSuffix(v.o.Config.Upstream, "/")
	resp, _, err := get(ctx, base+"/")
	if err != nil {
		v.fail(name, "start the backend, or name another with --upstream or upstream: in the configuration", "%s does not answer: %v", shown(base), err)
		return
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		v.warn(name, "see the backend's log", "%s answers %s", shown(base), resp.Status)
		return
	}
	refused := false
	for _, p := range probes {
		resp, body, err := get(ctx, base+p.path)
		if err != nil {
			break
		}
		refused = refused || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden
		var members map[string]json.RawMessage
		if resp.StatusCode == http.StatusOK && json.Unmarshal(body, &members) == nil && members[p.member] != nil {
			v.ok(name, "%s answers; its API seems to be that of %s", shown(base), p.api)
			return
		}
	}
	if refused {
		v.ok(name, "%s answers; it wants to know who asks, so its API is not known", shown(base))
		return
	}
	v.warn(name, "if it is no known API, declare its paths under routes: in the configuration; nothing else is marked", "%s answers; its API is not one that is known", shown(base))
}

// shown is an address without user, password and query.
func shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "the upstream"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// stamps asks the time stamping authority for one.
func (v *visit) stamps(ctx context.Context) {
	const name = "time stamps"
	tsa := v.o.Config.Signer.TSA
	if tsa == "" {
		v.ok(name, "no authority is configured; signatures go without")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	sum := sha256.Sum256([]byte("avow doctor"))
	if _, err := signing.Stamper(tsa)(ctx, sum[:]); err != nil {
		v.warn(name, "see whether the authority is up, or name another at signer.tsa; until then outputs are degraded; missing=timestamp", "%s gives none: %v", shown(tsa), err)
		return
	}
	v.ok(name, "%s gives them", shown(tsa))
}

// addresses looks whether the listeners would find their addresses free.
func (v *visit) addresses(ctx context.Context) {
	for _, l := range []struct{ name, addr, path string }{
		{"listen", v.o.Config.Listen, pathOwn}, {"admin", v.o.Config.Admin, "/metrics"},
	} {
		if l.addr == "" {
			continue
		}
		socket, err := net.Listen("tcp", l.addr)
		switch {
		case err == nil:
			_ = socket.Close()
			v.ok(l.name, "%s is free", l.addr)
		case !errors.Is(err, syscall.EADDRINUSE):
			v.fail(l.name, "choose another address with --"+l.name, "%s cannot be listened on: %v", l.addr, err)
		case holdsIt(ctx, l.addr, l.path):
			v.ok(l.name, "%s: %s", l.addr, itself)
		default:
			v.fail(l.name, "stop the other program, or choose another address with --"+l.name, "%s is taken by another program", l.addr)
		}
	}
}

// holdsIt reports whether avow answers at an address.
func holdsIt(ctx context.Context, addr, path string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	resp, body, err := get(ctx, "http://"+net.JoinHostPort(host, port)+path)
	if err != nil || resp.StatusCode != http.StatusOK {
		return false
	}
	sign := "avow_build_info"
	if path == pathOwn {
		sign = `"key_ids"`
	}
	return strings.Contains(string(body), sign)
}

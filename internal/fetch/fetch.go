// Package fetch reads what a URL names that a stranger gave, and reaches nothing
// else by it: server-side request forgery (CWE-918) is guarded against where the
// connection is made, not where the text of the address is read.
//
// Each hop is checked twice. The URL's text has to be https, without a user name,
// on the usual port. Then, when the name has been resolved and the socket is about
// to connect, the address itself has to be one of the public Internet; see [Public].
// What a name server answers a second time makes no difference, as nothing is
// resolved twice for one connection.
//
// Errors tell no address and not why a server could not be reached: whoever asks
// learns nothing about the network that this program runs in.
package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// What zero Options mean.
const (
	DefaultMaxBytes     = 20 << 20        // bytes of a body
	DefaultTimeout      = 5 * time.Second // from the first look at the URL to the body's last byte
	DefaultMaxRedirects = 3
	DefaultUserAgent    = "avow (+https://github.com/avowai/avow)"
)

const (
	maxURL    = 2048     // bytes of a URL
	maxHeader = 64 << 10 // bytes of a response's header
)

// Errors of Get and of reading a Body. They are returned bare or with a status,
// never with an address.
var (
	ErrURL         = errors.New("fetch: not a URL that can be fetched")
	ErrScheme      = errors.New("fetch: only https is fetched")
	ErrCredentials = errors.New("fetch: a URL with a user name or password is not fetched")
	// ErrForbidden: the address, or the port, is not of the public Internet. An API
	// answers it as it answers ErrUnreachable, so that names inside a network are
	// not told apart from names that do not exist.
	ErrForbidden   = errors.New("fetch: this address is not fetched")
	ErrUnreachable = errors.New("fetch: the server cannot be reached")
	ErrTimeout     = errors.New("fetch: the server took too long")
	ErrRedirects   = errors.New("fetch: too many redirects")
	ErrStatus      = errors.New("fetch: the server did not answer with the file")
	ErrEncoded     = errors.New("fetch: the server answered in a compressed form that was not asked for")
	ErrTooLarge    = errors.New("fetch: the file is over the limit")
)

// Options configure a Client. The zero value is for URLs of strangers.
type Options struct {
	// AllowHTTP also fetches http URLs (port 80), where anyone on the way can
	// change what is read. It is for people who typed the URL themselves.
	AllowHTTP bool
	// AllowPrivate reaches every address and port, over http as well. It is for
	// people who look at a server of their own; never for URLs of strangers.
	AllowPrivate bool
	// AnyPort also fetches from other ports than 443 (and 80).
	AnyPort bool
	// MaxBytes bounds a body, whatever its Content-Length says; 0 means 20 MiB.
	MaxBytes int64
	// Timeout bounds one Get with all its redirects and the reading of the body;
	// 0 means 5 seconds.
	Timeout time.Duration
	// MaxRedirects are followed, each checked like the URL itself; 0 means 3, less
	// than 0 none.
	MaxRedirects int
	// UserAgent names this program; "" means DefaultUserAgent.
	UserAgent string
}

// A Client fetches. It is safe for concurrent use, keeps no connection and no
// cookie, and asks no proxy.
type Client struct {
	o         Options
	transport *http.Transport
	// Tests only: a server of their own stands for a public one.
	standIn  func(netip.AddrPort) bool
	resolver *net.Resolver
	roots    *x509.CertPool
}

// New returns a Client.
func New(o Options) *Client {
	o.MaxBytes = cmp.Or(max(o.MaxBytes, 0), DefaultMaxBytes)
	o.Timeout = cmp.Or(max(o.Timeout, 0), DefaultTimeout)
	o.UserAgent = cmp.Or(o.UserAgent, DefaultUserAgent)
	if o.MaxRedirects == 0 {
		o.MaxRedirects = DefaultMaxRedirects
	}
	o.AllowHTTP = o.AllowHTTP || o.AllowPrivate
	c := &Client{o: o}
	c.connect()
	return c
}

// connect sets up the transport: one connection per hop, HTTP/1.1, no proxy.
func (c *Client) connect() {
	dialer := &net.Dialer{Timeout: c.o.Timeout, Resolver: c.resolver, ControlContext: c.control}
	c.transport = &http.Transport{
		Proxy:                  nil, // the environment's proxy would connect where the dialer would not
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.roots},
		TLSHandshakeTimeout:    c.o.Timeout,
		ResponseHeaderTimeout:  c.o.Timeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives:      true, // a name is resolved and checked for every hop
		DisableCompression:     true,
	}
}

// control looks at the address that a socket is about to connect to.
func (c *Client) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	switch {
	case c.o.AllowPrivate:
		return nil
	case err != nil:
		return ErrForbidden
	case c.standIn != nil && c.standIn(at):
		return nil
	case !Public(at.Addr()) || !c.portAllowed(at.Port()):
		return ErrForbidden
	}
	return nil
}

func (c *Client) portAllowed(port uint16) bool {
	return c.o.AnyPort || c.o.AllowPrivate || port == 443 || c.o.AllowHTTP && port == 80
}

// A Body is what a URL named. It has to be closed.
type Body struct {
	io.ReadCloser
	// ContentType as the server gave it, or "".
	ContentType string
	// Header holds the fields that say something about the origin of the body, in
	// the server's own spelling; the rest is left out.
	Header http.Header
	// FinalURL is where the last redirect led.
	FinalURL string
}

// Get fetches rawURL. Reading the body fails with ErrTooLarge or ErrTimeout where
// that is its end, so that a part is not taken for the whole.
func (c *Client) Get(ctx context.Context, rawURL string) (*Body, error) {
	if len(rawURL) > maxURL {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrURL, maxURL)
	}
	at, err := url.Parse(rawURL)
	if err != nil {
		return nil, ErrURL // its text repeats the URL
	}
	limited, cancel := context.WithTimeoutCause(ctx, c.o.Timeout, ErrTimeout)
	resp, at, err := c.follow(limited, at)
	if err == nil {
		err = c.acceptable(resp)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &Body{
		ReadCloser:  &body{ctx: limited, r: resp.Body, left: c.o.MaxBytes, cancel: cancel},
		ContentType: resp.Header.Get("Content-Type"), Header: origin(resp.Header), FinalURL: at.String(),
	}, nil
}

// Open is Get for those who only want the bytes and their media type.
func (c *Client) Open(ctx context.Context, rawURL string) (io.ReadCloser, string, error) {
	b, err := c.Get(ctx, rawURL)
	if err != nil {
		return nil, "", err
	}
	return b, b.ContentType, nil
}

// follow asks, and goes where redirects lead.
func (c *Client) follow(ctx context.Context, at *url.URL) (*http.Response, *url.URL, error) {
	for hops := 0; ; hops++ {
		if err := c.check(at); err != nil {
			return nil, nil, err
		}
		resp, err := c.ask(ctx, at)
		if err != nil {
			return nil, nil, err
		}
		to := resp.Header.Get("Location")
		if !redirects(resp.StatusCode) || to == "" {
			return resp, at, nil
		}
		_ = resp.Body.Close()
		next, err := at.Parse(to)
		switch {
		case hops >= c.o.MaxRedirects:
			return nil, nil, ErrRedirects
		case err != nil || len(to) > maxURL:
			return nil, nil, ErrURL
		}
		at = next
	}
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// check looks at the text of a URL. What it lets through is no more than worth
// resolving; the address is checked where it is dialled.
func (c *Client) check(at *url.URL) error {
	host := at.Hostname()
	switch {
	case at.Scheme != "https" && at.Scheme != "http":
		return ErrScheme
	case at.Scheme == "http" && !c.o.AllowHTTP:
		return ErrScheme
	case at.User != nil:
		return ErrCredentials
	case host == "" || at.Opaque != "":
		return ErrURL
	}
	if _, err := netip.ParseAddr(host); err != nil && endsInNumber(host) {
		return ErrForbidden
	}
	return nil
}

// endsInNumber reports whether a host that is no IP address in its usual form
// would be one in an older spelling: 2130706433, 0x7f.1, 0177.0.0.1. Some
// resolvers read these as addresses; no public name ends in a number (URL
// Standard, section 3.5, "ends in a number checker").
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// ask sends one request and waits for the header of its answer.
func (c *Client) ask(ctx context.Context, at *url.URL) (*http.Response, error) {
	bare := *at
	bare.Fragment, bare.RawFragment = "", ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, bare.String(), nil)
	if err != nil {
		return nil, ErrURL
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return resp, nil
}

// unreachable is an error of the network without its address and its cause.
func unreachable(ctx context.Context, err error) error {
	var slow interface{ Timeout() bool }
	switch {
	case errors.Is(err, ErrForbidden):
		return ErrForbidden
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &slow) && slow.Timeout():
		return ErrTimeout
	}
	return ErrUnreachable
}

// acceptable reports whether the answer is the file that was asked for.
func (c *Client) acceptable(resp *http.Response) (err error) {
	switch coding := resp.Header.Get("Content-Encoding"); {
	case resp.StatusCode != http.StatusOK:
		err = fmt.Errorf("%w: status %d", ErrStatus, resp.StatusCode)
	case coding != "" && !strings.EqualFold(coding, "identity"):
		err = ErrEncoded
	case resp.ContentLength > c.o.MaxBytes:
		err = c.tooLarge()
	}
	if err != nil {
		_ = resp.Body.Close()
	}
	return err
}

func (c *Client) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, c.o.MaxBytes)
}

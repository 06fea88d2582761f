package middleware

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxClients   = 1 << 16        // whose limits are remembered at one time
	secretLife   = 24 * time.Hour // of the keys that limits are kept under
	lookupFactor = 10             // lookups are cheaper than questions
)

// A toll is what a request counts as.
type toll int

const (
	free toll = iota
	questions
	lookups
)

// clients keeps the rate limits of clients, in memory alone. A client is its
// address (of IPv6 the first 64 bits, which one household or machine has for
// itself), known by its HMAC under a secret that changes every 24 hours: nobody can
// tell later who asked.
type clients struct {
	limits VerifyLimits

	mu     sync.Mutex
	secret [32]byte
	since  time.Time
	by     map[[16]byte]*list.Element
	order  list.List // of *client, the one seen last in front
}

type client struct {
	name    [16]byte
	budgets [lookups + 1]*rate.Limiter // by toll
	busy    int
}

func newClients(l VerifyLimits) *clients { return &clients{limits: l} }

// renew forgets everybody once a day.
func (c *clients) renew(now time.Time) {
	if c.by != nil && now.Sub(c.since) < secretLife && !now.Before(c.since) {
		return
	}
	_, _ = rand.Read(c.secret[:]) // never fails, see crypto/rand
	c.since, c.by = now, map[[16]byte]*list.Element{}
	c.order.Init()
}

// find returns the state of an address.
func (c *clients) find(addr netip.Addr, now time.Time) *client {
	c.renew(now)
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write(network(addr).AsSlice())
	name := [16]byte(mac.Sum(nil))
	if e := c.by[name]; e != nil {
		c.order.MoveToFront(e)
		return e.Value.(*client)
	}
	if c.order.Len() >= maxClients {
		oldest := c.order.Back()
		delete(c.by, c.order.Remove(oldest).(*client).name)
	}
	each := rate.Limit(c.limits.PerMinute) / 60
	cl := &client{name: name, budgets: [lookups + 1]*rate.Limiter{
		questions: rate.NewLimiter(each, c.limits.Burst), lookups: rate.NewLimiter(each*lookupFactor, c.limits.Burst*lookupFactor)}}
	c.by[name] = c.order.PushFront(cl)
	return cl
}

// network is what of an address counts as one client.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	p, _ := addr.Prefix(64) // an IPv6 address has 64 bits
	return p.Addr()
}

// A grant is what came of asking to enter.
type grant struct {
	ok      bool
	crowded bool // too many at once, rather than too many in a time
	left    int
	wait    time.Duration // until there is one more
	release func()
}

// enter counts a request. Only questions count as being in progress.
func (c *clients) enter(addr netip.Addr, t toll, now time.Time) grant {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl := c.find(addr, now)
	if t == questions && c.limits.Concurrent > 0 && cl.busy >= c.limits.Concurrent {
		return grant{crowded: true, wait: time.Second}
	}
	g := grant{ok: true, release: func() {}}
	if c.limits.PerMinute > 0 {
		budget := cl.budgets[t]
		g.ok = budget.AllowN(now, 1)
		tokens := budget.TokensAt(now)
		g.left = max(0, int(tokens))
		if tokens < 1 {
			g.wait = time.Duration((1 - tokens) / float64(budget.Limit()) * float64(time.Second))
		}
	}
	if g.ok && t == questions {
		cl.busy++
		g.release = func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			cl.busy--
		}
	}
	return g
}

// enter applies a client's limits to a request, and names them in the answer's
// header (draft-ietf-httpapi-ratelimit-headers).
func (s *VerifyService) enter(w http.ResponseWriter, r *http.Request, t toll) (release func(), p *problem) {
	g := s.clients.enter(clientAddr(r, s.o.TrustedProxies), t, s.now())
	if s.limits.PerMinute > 0 && !g.crowded {
		name, quota := "questions", s.limits.PerMinute
		if t == lookups {
			name, quota = "lookups", quota*lookupFactor
		}
		w.Header().Set("RateLimit-Policy", fmt.Sprintf("%q;q=%d;w=60", name, quota))
		w.Header().Set("RateLimit", fmt.Sprintf("%q;r=%d;t=%d", name, g.left, int((g.wait+time.Second-1)/time.Second)))
	}
	switch {
	case g.ok:
		return g.release, nil
	case g.crowded:
		return nil, problemConcurrent.after(g.wait)
	}
	return nil, problemRate.after(g.wait)
}

// clientAddr is where a request comes from. X-Forwarded-For is read from its end,
// as far as the addresses in it are trusted proxies; the first that is not one is
// the client. What lies before that, anybody may have written.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // all without an address are one client
	}
	addr := from.Addr()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && among(addr, trusted); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next
	}
	return addr
}

func among(addr netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

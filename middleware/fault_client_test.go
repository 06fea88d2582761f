package middleware

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// eventually waits for what takes its time, half a minute at most.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not after half a minute: %s", what)
}

// dialChat asks for a stream over a connection of its own.
func dialChat(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err == nil {
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", chatPath, len(chatAsk), chatAsk)
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Clients that vanish at any moment: the upstream is told, what was sent is
// recorded, and nothing of them stays behind.
func TestClientsThatVanish(t *testing.T) {
	const clients = 300
	var asked, told atomic.Int64
	o, records := recordedBy(disclose.Strict)
	records.puts = make(chan disclose.Record, clients)
	srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		defer told.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, event("word"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	rng := rand.New(rand.NewPCG(3, 3))
	before := runtime.NumGoroutine()
	for i := range clients {
		conn := dialChat(t, srv.URL)
		if i%3 > 0 { // some leave before anything came, some with a reset
			_, _ = io.CopyN(io.Discard, conn, rng.Int64N(2000))
		}
		if tcp, ok := conn.(*net.TCPConn); ok && i%2 == 0 {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	eventually(t, "every upstream is told", func() bool { return asked.Load() == told.Load() && asked.Load() > clients/2 })
	testClient.CloseIdleConnections()
	// Connections to the upstream that may be used again count; those of clients do not.
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before+20 })
	for len(records.puts) > 0 {
		if r := <-records.puts; r.Outcome != disclose.OutcomeAborted {
			t.Fatalf("recorded %+v", r)
		}
	}
}

// Clients that do not read hold their upstreams back, and avow keeps next to nothing
// for them.
func TestSlowReaderHoldsTheUpstreamBack(t *testing.T) {
	const clients = 8
	const most = 64 << 20 // of a stream, what the system's buffers of two connections take included
	var sent, writing atomic.Int64
	var ended sync.WaitGroup
	ended.Add(clients)
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer ended.Done()
		w.Header().Set("Content-Type", "text/event-stream")
		text := event(strings.Repeat("word ", 800))
		for range most / len(text) {
			writing.Store(time.Now().UnixNano())
			n, err := io.WriteString(w, text)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
		t.Error("an upstream was never held back")
	}))
	heap := liveHeap()
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = dialChat(t, srv.URL)
		if _, err := bufio.NewReaderSize(conns[i], 16).ReadByte(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the upstreams stand still", func() bool { return time.Since(time.Unix(0, writing.Load())) > time.Second })
	if grown := liveHeap() - heap; grown > clients<<20 {
		t.Errorf("the heap grew by %d KiB for %d streams of which %d KiB were sent", grown>>10, clients, sent.Load()>>10)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	ended.Wait()
}

// liveHeap is what a collection leaves.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

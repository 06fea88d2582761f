package extproc

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image/png"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/middleware"
	"github.com/avowai/avow/watermark"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	notice   = "You are interacting with an AI system, not a human."
	chatPath = "/v1/chat/completions"
	question = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	chatJSON = `{"id":"c","object":"chat.completion","created":9007199254740993,"model":"m<&>","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}`
)

func options() middleware.Options {
	return middleware.Options{Disclose: disclose.Options{Provider: "Example GmbH", System: "assistant",
		Now: func() time.Time { return time.Unix(1795392000, 0) }}}
}

// start serves an extproc server and returns a client to it.
func start(t testing.TB, o middleware.Options, made ...func(http.Handler) http.Handler) pb.ExternalProcessorClient {
	t.Helper()
	if len(made) == 0 {
		gateway, err := middleware.NewGateway(o)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, gateway)
	}
	client, _ := listenOn(t, made[0])
	return client
}

func listenOn(t testing.TB, gateway func(http.Handler) http.Handler) (pb.ExternalProcessorClient, *GRPC) {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	g := NewGRPC(New(gateway(Upstream()), nil), nil, nil)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		g.Stop(context.Background())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return pb.NewExternalProcessorClient(conn), g
}

// testKey is a key of its own for each test.
func testKey(t testing.TB) watermark.Key {
	t.Helper()
	k, err := watermark.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

func event(s string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"` + s + `"}}]}` + "\n\n"
}

func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, corpus.Made(96, 64, 1)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// answers is the upstream of all tests.
func answers(t testing.TB) http.Handler {
	pic := picture(t)
	mux := http.NewServeMux()
	typed := func(w http.ResponseWriter, kind string) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Date", "Mon, 23 Nov 2026 00:00:00 GMT")
		w.Header().Set("ETag", `"v"`)
		w.Header()["X-Twice"] = []string{"1", "2"}
		w.Header().Set("Ai_disclosure", "mode=none")
	}
	chunked := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	mux.HandleFunc(chatPath, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			typed(w, "application/json")
			_, _ = io.WriteString(w, chatJSON)
			return
		}
		typed(w, "text/event-stream")
		for _, s := range []string{event(""), event("Hel"), event("lo."), "data: [DONE]\n\n"} {
			_, _ = io.WriteString(w, s)
			chunked(w)
		}
	})
	mux.HandleFunc("/v1/images/generations", func(w http.ResponseWriter, r *http.Request) {
		typed(w, "application/json")
		_, _ = fmt.Fprintf(w, `{"created":1,"data":[{"b64_json":%q}]}`, base64.StdEncoding.EncodeToString(pic))
	})
	mux.HandleFunc("/art.png", func(w http.ResponseWriter, r *http.Request) {
		typed(w, "image/png")
		_, _ = w.Write(pic)
	})
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, r *http.Request) {
		typed(w, "application/json")
		_, _ = io.WriteString(w, `{"data":[1.00]}`)
	})
	mux.HandleFunc("/v1/completions", func(w http.ResponseWriter, r *http.Request) {
		typed(w, "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":"slow down"}`)
	})
	return mux
}

// A route is a case that Envoy and the proxy have to treat alike.
var routes = []struct{ name, method, path, body string }{
	{"chat", "POST", chatPath, question},
	{"stream", "POST", chatPath, strings.Replace(question, "{", `{"stream":true,`, 1)},
	{"second-turn", "POST", chatPath, `{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"` + notice + `\n\nHello."},{"role":"user","content":"more"}]}`},
	{"image", "POST", "/v1/images/generations", `{"prompt":"a cat"}`},
	{"png", "GET", "/art.png", ""},
	{"head", "HEAD", "/art.png", ""},
	{"models", "GET", "/v1/models", ""},
	{"error", "POST", "/v1/completions", `{"prompt":"x"}`},
	{"own-page", "GET", "/.well-known/ai-disclosure.json", ""},
}

func conformance() middleware.Options {
	o := options()
	o.Routes = []middleware.Route{{Path: "/art.png", Shape: disclose.ShapeImage}}
	return o
}

// through asks the proxy.
func through(t *testing.T, o middleware.Options, upstream, method, path, body string) seen {
	t.Helper()
	target, _ := url.Parse(upstream)
	h, err := middleware.NewProxy(target, o)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(method, path, body))
	return seen{status: w.Code, header: w.Header(), body: w.Body.Bytes()}
}

func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Range", "bytes=0-1")
	r.Header.Set("X-Request-Id", "r-1")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// fixed replaces an answer's id, which is random, and what Envoy writes itself.
func fixed(s seen) seen {
	id := s.header.Get("Avow-Id")
	s.header = s.header.Clone()
	s.header.Del("Content-Length")
	s.header.Del("Date")
	if id != "" {
		s.header.Set("Avow-Id", "ID")
		s.body = bytes.ReplaceAll(s.body, []byte(id), []byte("ID"))
	}
	return s
}

func TestEnvoyGivesWhatTheProxyGives(t *testing.T) {
	upstream := serve(t, answers(t))
	client := start(t, conformance())
	for _, m := range []envoy{
		{request: buffered, response: buffered},
		{request: buffered, response: duplex, piece: 1},
		{request: duplex, response: duplex, piece: 7},
		{request: duplex, response: duplex, piece: 40, repeatEnd: true},
		{request: streamed, response: streamed, piece: 16},
		{request: buffered, response: streamed, piece: 1 << 16},
		{request: buffered, response: buffered, silent: true},
	} {
		for _, route := range routes {
			t.Run(fmt.Sprintf("%v-%v-%d/%s", m.request, m.response, m.piece, route.name), func(t *testing.T) {
				e := m
				e.client, e.upstream = client, upstream
				got, err := e.do(t.Context(), request(route.method, route.path, route.body), route.body)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, route.name, got, through(t, conformance(), upstream, route.method, route.path, route.body))
			})
		}
	}
}

// compare holds an answer against the proxy's. Pictures carry their id inside a
// checksummed chunk, so that only their length can be compared.
func compare(t *testing.T, name string, got, want seen) {
	t.Helper()
	got, want = fixed(got), fixed(want)
	if got.status != want.status || got.reset {
		t.Fatalf("status %d (reset %v) %s, want %d", got.status, got.reset, got.body, want.status)
	}
	if name == "models" { // whatever an upstream sends stays
		want.header["Ai_disclosure"] = got.header["Ai_disclosure"]
	}
	if !maps.EqualFunc(got.header, want.header, slices.Equal) {
		t.Fatalf("header %v\nwant   %v", got.header, want.header)
	}
	if name == "image" || name == "png" {
		if len(got.body) != len(want.body) || len(got.body) < 200 {
			t.Fatalf("%d bytes, want %d", len(got.body), len(want.body))
		}
		return
	}
	if !bytes.Equal(got.body, want.body) {
		t.Fatalf("body %s\nwant %s", got.body, want.body)
	}
}

package extproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	health "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/middleware"
)

// ask sends one request through a stand-in for Envoy.
func ask(t *testing.T, e envoy, path, body string) seen {
	t.Helper()
	got, err := e.do(t.Context(), request("POST", path, body), body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func answering(kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	})
}

const imagePath = "/v1/images/generations"

// Strict withholds a picture that cannot be marked, in every mode in which the
// header has not left, and says so as the proxy does.
func TestStrictWithholds(t *testing.T) {
	o := options()
	o.Disclose.Key = testKey(t)
	broken := answering("application/json", `{"created":1,"data":[{"b64_json":"iVBORw0KGgoAAAA="}]}`)
	client, upstream := start(t, o), serve(t, broken)
	want := through(t, o, upstream, "POST", imagePath, `{}`)
	if want.status != http.StatusBadGateway {
		t.Fatalf("the proxy answers %d", want.status)
	}
	for _, m := range []mode.ProcessingMode_BodySendMode{buffered, duplex, streamed} {
		got := ask(t, envoy{client: client, upstream: upstream, request: buffered, response: m, piece: 10}, imagePath, `{}`)
		if got.status != want.status || !got.immediate || got.header.Get("Content-Type") != "application/problem+json" ||
			got.header.Get("Avow-Outcome") != "withheld" || !bytes.Equal(got.body, want.body) {
			t.Fatalf("%v: %d %v %s", m, got.status, got.header, got.body)
		}
	}
}

// Where an answer has to be held and Envoy will not hold it, it leaves with a mark
// in its header, or not at all.
func TestStreamedModeWithoutOverride(t *testing.T) {
	o := options()
	client := start(t, o)
	e := envoy{client: client, upstream: serve(t, answers(t)), request: buffered, response: streamed, piece: 16, noOverride: true}
	got := ask(t, e, chatPath, question)
	if got.reset || got.header.Get("Ai-Disclosure") != "mode=machine-generated" || !bytes.Contains(got.body, []byte(notice)) {
		t.Fatalf("%v %v %s", got.reset, got.header, got.body)
	}
	o.Disclose.Key = testKey(t)
	e.client = start(t, o)
	e.upstream = serve(t, answering("application/json", `{"created":1,"data":[{"b64_json":"iVBORw0KGgoAAAA="}]}`))
	if got = ask(t, e, imagePath, `{}`); !got.reset || len(got.body) > 0 {
		t.Fatalf("%d reset=%v %s", got.status, got.reset, got.body)
	}
}

// Wrong configurations of the filter end in an error, never in an unmarked answer.
func TestFailsClosed(t *testing.T) {
	client, upstream := start(t, options()), serve(t, answers(t))
	for name, e := range map[string]envoy{
		"no response body":  {request: buffered, response: none},
		"partial":           {request: buffered, response: mode.ProcessingMode_BUFFERED_PARTIAL},
		"grpc":              {request: mode.ProcessingMode_GRPC, response: duplex},
		"request in pieces": {request: streamed, response: buffered, piece: 5, noOverride: true},
	} {
		t.Run(name, func(t *testing.T) {
			e.client, e.upstream = client, upstream
			got := ask(t, e, chatPath, question)
			if got.status != 500 || got.immediate || !bytes.Contains(got.body, []byte("avow:")) {
				t.Fatalf("%d %s", got.status, got.body)
			}
		})
	}
	e := envoy{client: client, upstream: upstream, request: buffered, response: none}
	if got, err := e.do(t.Context(), request("GET", "/v1/models", ""), ""); err != nil || got.status != 200 {
		t.Fatalf("no AI route: %v %d", err, got.status)
	}
}

// A request without its body, which Envoy may keep, is a first turn.
func TestRequestBodyKeptByEnvoy(t *testing.T) {
	e := envoy{client: start(t, options()), upstream: serve(t, answers(t)), request: none, response: duplex, piece: 64}
	if got := ask(t, e, chatPath, question); !bytes.Contains(got.body, []byte(notice)) {
		t.Fatalf("%d %s", got.status, got.body)
	}
}

// The notice stands before the first word, and an event is let go as soon as it is
// whole, not when the stream ends.
func TestStreamAsItComes(t *testing.T) {
	release := make(chan struct{})
	upstream := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("Hello"))
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, event(" again")+"data: [DONE]\n\n")
	}))
	c := handDriven(t, start(t, options()), chatPath)
	resp, err := http.Post(upstream+chatPath, "application/json", strings.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	c.sendHead(200, resp.Header)
	buf := make([]byte, 4096)
	n, _ := resp.Body.Read(buf)
	c.sendBody(buf[:n], false)
	if h := c.recv().GetResponseHeaders(); h == nil {
		t.Fatal("no header")
	}
	first := c.recv().GetResponseBody().GetResponse().GetBodyMutation().GetStreamedResponse()
	if !strings.Contains(string(first.GetBody()), notice) || !strings.Contains(string(first.GetBody()), "Hello") || first.GetEndOfStream() {
		t.Fatalf("first piece %q", first)
	}
	close(release)
	rest, _ := io.ReadAll(resp.Body)
	c.sendBody(rest, true)
	last := c.recv().GetResponseBody().GetResponse().GetBodyMutation().GetStreamedResponse()
	if strings.Contains(string(last.GetBody()), notice) || !strings.HasSuffix(string(last.GetBody()), "[DONE]\n\n") {
		t.Fatalf("second piece %q", last)
	}
	for !last.GetEndOfStream() {
		last = c.recv().GetResponseBody().GetResponse().GetBodyMutation().GetStreamedResponse()
	}
}

// An upstream that breaks off is not given an ending.
func TestTruncated(t *testing.T) {
	upstream := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, event("Hello"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	e := envoy{client: start(t, options()), upstream: upstream, request: buffered, response: duplex, piece: 4096}
	if got := ask(t, e, chatPath, question); !got.reset || !bytes.Contains(got.body, []byte(notice)) {
		t.Fatalf("reset=%v %d %s", got.reset, got.status, got.body)
	}
}

func TestClientDisconnects(t *testing.T) {
	client := start(t, options())
	ctx, cancel := context.WithCancel(t.Context())
	c := handDrivenIn(t, ctx, client, chatPath)
	c.sendHead(200, http.Header{"Content-Type": {"text/event-stream"}})
	c.sendBody([]byte(event("Hello")), false)
	c.recv()
	cancel()
	if _, err := c.stream.Recv(); err == nil {
		_, err = c.stream.Recv()
		if err == nil {
			t.Fatal("the call goes on")
		}
	}
}

// Large bodies: over the limit as the proxy does it, and requests of megabytes.
func TestLargeBodies(t *testing.T) {
	o := options()
	o.Disclose.MaxHeld = 1 << 10
	long := strings.Replace(chatJSON, "Hello.", strings.Repeat("word ", 60_000), 1)
	upstream := serve(t, answering("application/json", long))
	client := start(t, o)
	want := through(t, o, upstream, "POST", chatPath, question)
	for _, m := range []mode.ProcessingMode_BodySendMode{buffered, duplex, streamed} {
		got := ask(t, envoy{client: client, upstream: upstream, request: buffered, response: m, piece: 10_000}, chatPath, question)
		compare(t, fmt.Sprint(m), got, want)
	}
	client = start(t, options())
	big := strings.Replace(question, "hi", strings.Repeat("h", 6<<20), 1)
	for _, m := range []mode.ProcessingMode_BodySendMode{buffered, duplex} {
		got := ask(t, envoy{client: client, upstream: serve(t, answers(t)), request: m, response: duplex, piece: 1 << 16}, chatPath, big)
		if got.status != 200 || !bytes.Contains(got.body, []byte(notice)) || len(got.askedBody) != len(big) {
			t.Fatalf("%v: %d %.300s, asked %d bytes", m, got.status, got.body, len(got.askedBody))
		}
	}
}

// What changes in a request reaches the upstream.
func TestRequestIsChanged(t *testing.T) {
	said := strings.Replace(routes[2].body, "hi", "hello", 1)
	for _, m := range []mode.ProcessingMode_BodySendMode{buffered, duplex, streamed} {
		e := envoy{client: start(t, options()), upstream: serve(t, answers(t)), request: m, response: buffered, piece: 11}
		got := ask(t, e, chatPath, said)
		if bytes.Contains(got.askedBody, []byte(notice)) || got.asked.Header.Get("Range") != "" || got.asked.Header.Get("Accept-Encoding") != "identity" {
			t.Fatalf("%v: %v %s", m, got.asked.Header, got.askedBody)
		}
	}
}

func TestTrailersInFullDuplex(t *testing.T) {
	upstream := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Trailer", "X-T, Avow-Id")
		_, _ = io.WriteString(w, chatJSON)
		w.Header().Set("X-T", "end")
		w.Header().Set("Avow-Id", "0000000000000000")
	}))
	e := envoy{client: start(t, options()), upstream: upstream, request: buffered, response: duplex, piece: 100}
	got := ask(t, e, chatPath, question)
	if got.trailer.Get("X-T") != "end" || got.trailer.Get("Avow-Id") != "" || !bytes.Contains(got.body, []byte(notice)) {
		t.Fatalf("%v %s", got.trailer, got.body)
	}
}

type downRecords struct{ disclose.Records }

func (downRecords) Put(context.Context, disclose.Record) error { return errors.New("down") }

// With the ledger down and what waits for it full, the upstream is not asked.
func TestLedgerDown(t *testing.T) {
	o := options()
	o.Disclose.Records = downRecords{disclose.NewMemoryRecords(1)}
	gateway, err := middleware.NewGateway(o)
	if err != nil {
		t.Fatal(err)
	}
	h := gateway(answering("application/json", chatJSON))
	for range 10_000 {
		h.ServeHTTP(httptest.NewRecorder(), request("POST", chatPath, question))
	}
	e := envoy{client: start(t, o, gateway), upstream: "http://127.0.0.1:1", request: buffered, response: duplex}
	got := ask(t, e, chatPath, question)
	if got.status != http.StatusServiceUnavailable || !got.immediate || got.header.Get("Retry-After") == "" {
		t.Fatalf("%d %v %s", got.status, got.header, got.body)
	}
}

// Upgrades: refused under strict, let through with a header under standard.
func TestUpgrade(t *testing.T) {
	for p, want := range map[disclose.Profile]int{disclose.Strict: 501, disclose.Standard: 0} {
		o := options()
		o.Disclose.Profile = p
		c := handDriven(t, start(t, o), chatPath, "connection", "Upgrade", "upgrade", "websocket")
		if want != 0 {
			if got := int(c.first.GetImmediateResponse().GetStatus().GetCode()); got != want {
				t.Fatalf("status %d, want %d", got, want)
			}
			continue
		}
		c.sendHead(101, http.Header{"Upgrade": {"websocket"}})
		set := http.Header{}
		if err := apply(set, c.recv().GetResponseHeaders().GetResponse().GetHeaderMutation()); err != nil || set.Get("Ai-Disclosure") == "" {
			t.Fatalf("%v %v", set, err)
		}
	}
}

func TestManyCallsAtOnce(t *testing.T) {
	e := envoy{client: start(t, options()), upstream: serve(t, answers(t)), request: duplex, response: duplex, piece: 9}
	var all sync.WaitGroup
	for range 40 {
		all.Add(1)
		go func() {
			defer all.Done()
			got, err := e.do(t.Context(), request("POST", chatPath, routes[1].body), routes[1].body)
			if err != nil || got.status != 200 || bytes.Count(got.body, []byte(notice)) != 2 { // text and field
				t.Errorf("%v %d %s", err, got.status, got.body)
			}
		}()
	}
	all.Wait()
}

// A panic is an error of its call alone.
func TestPanic(t *testing.T) {
	o := options()
	o.RouteName = func(r *http.Request) string {
		if r.Header.Get("Range") == "boom" {
			panic("boom")
		}
		return "chat"
	}
	e := envoy{client: start(t, o), upstream: serve(t, answers(t)), request: buffered, response: duplex}
	r := request("POST", chatPath, question)
	r.Header.Set("Range", "boom")
	if got, err := e.do(t.Context(), r, question); err != nil || got.status != 500 || bytes.Contains(got.body, []byte("boom")) {
		t.Fatalf("%v %d %s", err, got.status, got.body)
	}
	if got := ask(t, e, chatPath, question); got.status != 200 {
		t.Fatalf("the next call: %d", got.status)
	}
}

func TestHealth(t *testing.T) {
	for status, want := range map[int]health.HealthCheckResponse_ServingStatus{200: health.HealthCheckResponse_SERVING, 503: health.HealthCheckResponse_NOT_SERVING} {
		h := &healthServer{ready: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }}
		got, err := h.Check(t.Context(), nil)
		if err != nil || got.GetStatus() != want {
			t.Fatalf("%d: %v %v", status, got, err)
		}
	}
}

// Stop lets a call in progress end.
func TestStopWaits(t *testing.T) {
	gateway, err := middleware.NewGateway(options())
	if err != nil {
		t.Fatal(err)
	}
	client, g := listenOn(t, gateway)
	c := handDriven(t, client, chatPath)
	stopped := make(chan struct{})
	go func() { g.Stop(context.Background()); close(stopped) }()
	c.sendHead(200, http.Header{"Content-Type": {"application/json"}, "Content-Length": {fmt.Sprint(len(chatJSON))}})
	c.sendBody([]byte(chatJSON), true)
	var body string
	for !strings.Contains(body, "Hello.") {
		body += string(c.recv().GetResponseBody().GetResponse().GetBodyMutation().GetStreamedResponse().GetBody())
	}
	select {
	case <-stopped:
		t.Fatal("stopped before the call ended")
	default:
	}
	_ = c.stream.CloseSend()
	<-stopped
}

// A driven call is one whose messages a test sends by hand, in full-duplex mode.
type driven struct {
	t      *testing.T
	stream pb.ExternalProcessor_ProcessClient
	first  *pb.ProcessingResponse
}

func handDriven(t *testing.T, client pb.ExternalProcessorClient, path string, header ...string) *driven {
	return handDrivenIn(t, t.Context(), client, path, header...)
}

func handDrivenIn(t *testing.T, ctx context.Context, client pb.ExternalProcessorClient, path string, header ...string) *driven {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	t.Cleanup(cancel)
	stream, err := client.Process(ctx)
	if err != nil {
		t.Fatal(err)
	}
	pseudo := append([]string{":method", "GET", ":path", path, ":authority", "example.test"}, header...)
	c := &driven{t: t, stream: stream}
	c.send(&pb.ProcessingRequest{
		Request: &pb.ProcessingRequest_RequestHeaders{RequestHeaders: &pb.HttpHeaders{
			Headers: headerMap(http.Header{"Accept-Language": {"en"}}, pseudo...), EndOfStream: true}},
		ProtocolConfig: &pb.ProtocolConfiguration{RequestBodyMode: buffered, ResponseBodyMode: duplex}})
	c.first = c.recv()
	return c
}

func (c *driven) send(m *pb.ProcessingRequest) {
	c.t.Helper()
	if err := c.stream.Send(m); err != nil {
		c.t.Fatal(err)
	}
}

func (c *driven) recv() *pb.ProcessingResponse {
	c.t.Helper()
	m, err := c.stream.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

func (c *driven) sendHead(status int, h http.Header) {
	c.t.Helper()
	c.send(&pb.ProcessingRequest{Request: &pb.ProcessingRequest_ResponseHeaders{ResponseHeaders: &pb.HttpHeaders{
		Headers: headerMap(h, ":status", fmt.Sprint(status))}}})
}

func (c *driven) sendBody(p []byte, end bool) {
	c.t.Helper()
	c.send(&pb.ProcessingRequest{Request: &pb.ProcessingRequest_ResponseBody{ResponseBody: &pb.HttpBody{Body: bytes.Clone(p), EndOfStream: end}}})
}

package middleware

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/internal/corpus"
	"github.com/avowai/avow/internal/pixels"
)

// cutHeader says where the upstream of these tests breaks off.
const cutHeader = "X-Cut"

func cutOf(r *http.Request) int {
	n, err := strconv.Atoi(r.Header.Get(cutHeader))
	if err != nil {
		panic(err)
	}
	return n
}

// chunked is a body in one chunk that never ends.
func chunked(contentType, body string) string {
	head := "HTTP/1.1 200 OK\r\nContent-Type: " + contentType + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	if body == "" {
		return head
	}
	return fmt.Sprintf("%s%x\r\n%s\r\n", head, len(body), body)
}

// A stream that breaks off anywhere: what came is passed on, the connection breaks
// off too, no end is made up, and the record says what happened.
func TestStreamCutAnywhere(t *testing.T) {
	whole := event("") + event("Hi 👩‍🚀") + event(" there") + event(", and more.") + "data: [DONE]\n\n"
	upstream := replying(t, func(r *http.Request) string { return chunked("text/event-stream", whole[:cutOf(r)]) })
	rng := rand.New(rand.NewPCG(7, 1))
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		o, records := recordedBy(profile)
		records.puts = make(chan disclose.Record, 1)
		srv := proxyURL(t, o, upstream)
		for range 200 {
			cut := rng.IntN(len(whole) + 1)
			a := ask(t, "POST", srv.URL+chatPath, chatAsk, cutHeader, strconv.Itoa(cut))
			checkCutStream(t, a, whole[:cut])
			if a.StatusCode != http.StatusOK || len(a.body) == 0 { // nothing of the output has left
				continue
			}
			if r := <-records.puts; r.Outcome != disclose.OutcomeAborted || r.Label.ID.String() != a.Header.Get("Avow-Id") || r.Size != int64(len(a.body)) {
				t.Fatalf("%v, cut at %d: recorded %+v, delivered %d", profile, cut, r, len(a.body))
			}
		}
	}
}

// checkCutStream checks what a client has of a stream of which came arrived.
func checkCutStream(t *testing.T, a answer, came string) {
	t.Helper()
	whole := came[:strings.LastIndex("\n\n"+came, "\n\n")] // up to the end of an event
	switch got := unspliced(string(a.body)); {
	case a.StatusCode == http.StatusBadGateway && a.err == nil && came == "": // nothing had left, so it can be said
	case a.err == nil:
		t.Fatalf("after %d bytes a clean end: %d %q", len(came), a.StatusCode, a.body)
	case strings.Contains(got, "[DONE]") && !strings.Contains(came, "[DONE]"):
		t.Fatalf("after %d bytes an end was made up: %q", len(came), a.body)
	case !strings.HasPrefix(came, got) || !strings.HasPrefix(got, whole):
		t.Fatalf("after %d bytes %q of %q", len(came), got, came)
	}
}

// unspliced takes notice and field out again.
func unspliced(s string) string {
	s = strings.Replace(s, noticeEN+`\n\n`, "", 1)
	if start, end := strings.Index(s, `"ai_disclosure"`), strings.Index(s, `"id":"c"`); start >= 0 && end > start {
		s = s[:start] + s[end:]
	}
	return s
}

// smallPictures are whole files of a few hundred bytes, by media type.
func smallPictures(t *testing.T) map[string]string {
	t.Helper()
	img := corpus.Made(12, 10, 3)
	png, err := pixels.EncodePNG(img)
	if err != nil {
		t.Fatal(err)
	}
	webp, err := pixels.EncodeWebP(img)
	if err != nil {
		t.Fatal(err)
	}
	var jpg bytes.Buffer
	if err := jpeg.Encode(&jpg, img, nil); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"image/png": string(png), "image/jpeg": jpg.String(), "image/webp": string(webp)}
}

// offsets are those before the end of a file at which it is cut.
func offsets(file string) (out []int) {
	step := 1
	if testing.Short() {
		step = 17
	}
	for cut := 0; cut < len(file); cut += step {
		out = append(out, cut)
	}
	return out
}

// A picture that breaks off anywhere is not sent, and an error answer says why.
func TestPictureCutAnywhere(t *testing.T) {
	files := smallPictures(t)
	upstream := replying(t, func(r *http.Request) string {
		kind := r.Header.Get("X-Kind")
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(files[kind]), files[kind][:cutOf(r)])
	})
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		o, records := recordedBy(profile)
		records.puts = make(chan disclose.Record, 1)
		withKey(t)(&o)
		o.All = true
		srv := proxyURL(t, o, upstream)
		for kind, file := range files {
			for _, cut := range offsets(file) {
				a := ask(t, "GET", srv.URL+"/picture", "", cutHeader, strconv.Itoa(cut), "X-Kind", kind)
				wantStatus(t, a, http.StatusBadGateway)
				if !bytes.Contains(a.body, []byte(problemBase+"truncated")) || a.Header.Get("Content-Type") != "application/problem+json" {
					t.Fatalf("%v, %s cut at %d: %v %q", profile, kind, cut, a.Header, a.body)
				}
			}
		}
		if len(records.puts) != 0 {
			t.Errorf("%v: recorded %+v", profile, <-records.puts)
		}
	}
}

// A picture that was cut before it came, in an answer that is whole: strict sends
// nothing, standard sends it as it is, and neither signs it.
func TestCutPictureInAWholeAnswer(t *testing.T) {
	files := smallPictures(t)
	upstream := replying(t, func(r *http.Request) string {
		kind, cut := r.Header.Get("X-Kind"), cutOf(r)
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, cut, files[kind][:cut])
	})
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		o, _ := recordedBy(profile)
		withKey(t)(&o)
		o.All = true
		srv := proxyURL(t, o, upstream)
		for kind, file := range files {
			for _, cut := range offsets(file)[1:] {
				a := ask(t, "GET", srv.URL+"/picture", "", cutHeader, strconv.Itoa(cut), "X-Kind", kind)
				if profile == disclose.Strict {
					wantStatus(t, a, http.StatusBadGateway)
					continue
				}
				wantStatus(t, a, http.StatusOK)
				if string(a.body) != file[:cut] || a.Header.Get("AI-Disclosure") == "" || !strings.HasPrefix(a.Header.Get("Avow-Outcome"), "degraded; missing=image_mark") {
					t.Fatalf("%s cut at %d: %q, changed %v", kind, cut, a.Header.Get("Avow-Outcome"), string(a.body) != file[:cut])
				}
			}
		}
	}
}

// A JSON answer whose end is only the end of its connection.
func TestUnframedJSONCutAnywhere(t *testing.T) {
	upstream := replying(t, func(r *http.Request) string {
		return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + chatBody[:cutOf(r)]
	})
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		o, records := recordedBy(profile)
		records.puts = make(chan disclose.Record, 1)
		srv := proxyURL(t, o, upstream)
		for _, cut := range offsets(chatBody)[1:] {
			a := ask(t, "POST", srv.URL+chatPath, chatAsk, cutHeader, strconv.Itoa(cut))
			wantStatus(t, a, http.StatusBadGateway)
			if !bytes.Contains(a.body, []byte(problemBase+"truncated")) {
				t.Fatalf("%v, cut at %d: %s", profile, cut, a.body)
			}
		}
		if len(records.puts) != 0 {
			t.Errorf("%v: recorded %+v", profile, <-records.puts)
		}
	}
}

// After a broken answer the connection is closed, and the answer says so: a client
// that keeps connections would lose its next request.
func TestBrokenAnswerClosesItsConnection(t *testing.T) {
	upstream := rawUpstream(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n"+chatBody[:50])
	conn := dialChat(t, proxyURL(t, testOptions(disclose.Strict), upstream).URL)
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusBadGateway || !resp.Close {
		t.Fatalf("%d, closed %v, %v", resp.StatusCode, resp.Close, err)
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Fatalf("the connection stays: %v", err)
	}
}

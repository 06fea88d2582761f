package middleware

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/avowai/avow/disclose"
)

// The traps of rewriting responses in Go, one test each.

func TestTrapWrappingResponseWriter(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		for name, ok := range map[string]bool{
			"Flusher": is[http.Flusher](w), "Hijacker": is[http.Hijacker](w), "ReaderFrom": is[io.ReaderFrom](w),
			"FlushError": is[interface{ FlushError() error }](w), "Unwrap": is[interface{ Unwrap() http.ResponseWriter }](w),
		} {
			if !ok {
				t.Errorf("the writer is no %s", name)
			}
		}
		chat(w, r)
	})
	wantMarked(t, ask(t, "POST", srv.URL+chatPath, chatAsk))
}

func is[T any](v any) bool { _, ok := v.(T); return ok }

func TestTrapResponseControllerWalksUnwrap(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(chatBody)))
		w.WriteHeader(200)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		_, _ = io.WriteString(w, chatBody)
	})
	a := ask(t, "POST", srv.URL+chatPath, chatAsk)
	wantMarked(t, a)
	wantHeader(t, a, "Content-Length", strconv.Itoa(len(a.body)))
}

func TestTrapReaderFrom(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if _, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("generated")}); err != nil {
			t.Errorf("Copy: %v", err)
		}
	})
	wantMarked(t, ask(t, "GET", srv.URL+"/x", ""))
}

func TestTrapInformational(t *testing.T) {
	srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.Header()["ai_disclosure"] = []string{"spoof"}
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		chat(w, r)
	}))
	hints := 0
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints++
		for k := range h {
			if disclose.OwnHeader(k) {
				t.Errorf("103 carries %s", k)
			}
		}
		if h.Get("Link") == "" {
			t.Error("103 lost its Link")
		}
		return nil
	}}
	req, _ := http.NewRequest("POST", srv.URL+chatPath, strings.NewReader(chatAsk))
	resp, err := testClient.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	wantMarked(t, answer{resp, body, err})
	if hints != 1 {
		t.Fatalf("%d early hints, want 1", hints)
	}
}

func TestTrapContentLength(t *testing.T) {
	for name, body := range map[string]string{"application/json": chatBody, "text/plain": "words", "text/event-stream": event("Hi") + "data: [DONE]\n\n"} {
		t.Run(name, func(t *testing.T) {
			srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", name)
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				_, _ = io.WriteString(w, body)
			})
			path := chatPath
			if name == "text/plain" {
				path = "/text"
			}
			wantMarked(t, ask(t, "POST", srv.URL+path, chatAsk))
		})
	}
}

func TestTrapETag(t *testing.T) {
	var seen string
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Get("If-None-Match")
		w.Header().Set("ETag", `"v1"`)
		if strings.Contains(seen, `"v1"`) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		chat(w, r)
	})
	first := ask(t, "GET", srv.URL+chatPath, "")
	wantMarked(t, first)
	tag := first.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"v1-m`) {
		t.Fatalf("ETag = %q, want a weak one with the policy's hash", tag)
	}
	again := ask(t, "GET", srv.URL+chatPath, "", "If-None-Match", tag)
	wantStatus(t, again, http.StatusNotModified)
	wantHeader(t, again, "ETag", tag)
	ask(t, "GET", srv.URL+chatPath, "", "If-None-Match", `"v1", "v1-m00000000", nonsense`)
	if seen != "" {
		t.Fatalf("foreign tags reached the handler: %q", seen)
	}
}

func TestTrapRange(t *testing.T) {
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		t.Run(profile.String(), func(t *testing.T) {
			srv := wrap(t, testOptions(profile), func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" || r.Header.Get("If-Range") != "" {
					t.Error("Range reached the handler")
				}
				w.Header().Set("Content-Type", "image/png")
				w.Header().Set("Content-Range", "bytes 0-3/10")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = io.WriteString(w, "\x89PNG")
			})
			a := ask(t, "GET", srv.URL+"/i.png", "", "Range", "bytes=0-3", "If-Range", `"v"`)
			if profile == disclose.Strict {
				wantStatus(t, a, http.StatusBadGateway)
				return
			}
			wantStatus(t, a, http.StatusPartialContent)
			wantHeader(t, a, "Avow-Outcome", "passed; reason=partial_content")
			wantHeader(t, a, "Accept-Ranges", "none")
			if string(a.body) != "\x89PNG" {
				t.Fatalf("body = %q", a.body)
			}
		})
	}
}

func TestTrapHead(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(chatBody)))
		if r.Method != http.MethodHead {
			_, _ = io.WriteString(w, chatBody)
		}
	})
	head, get := ask(t, "HEAD", srv.URL+chatPath, ""), ask(t, "GET", srv.URL+chatPath, "")
	wantStatus(t, head, http.StatusOK)
	if v, ok := head.Header["Content-Length"]; ok {
		t.Fatalf("HEAD has Content-Length %v", v)
	}
	for k := range get.Header {
		if _, ok := head.Header[k]; !ok && k != "Content-Length" && k != "Content-Language" {
			t.Errorf("HEAD lacks %s", k)
		}
	}
	wantHeader(t, head, "ETag", get.Header.Get("ETag"))
}

func TestTrapNoBody(t *testing.T) {
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("ETag", `"v1"`)
				w.WriteHeader(status)
			})
			a := ask(t, "GET", srv.URL+chatPath, "")
			wantStatus(t, a, status)
			if !strings.Contains(a.Header.Get("Vary"), "Accept-Language") || len(a.body) != 0 {
				t.Fatalf("Vary %q, body %q", a.Header.Get("Vary"), a.body)
			}
		})
	}
}

func TestTrapErrorStatus(t *testing.T) {
	for _, status := range []int{301, 400, 404, 429, 500} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, chatBody)
			})
			a := ask(t, "POST", srv.URL+chatPath, chatAsk)
			wantStatus(t, a, status)
			wantHeader(t, a, "Avow-Outcome", "passed; reason=error_status")
			if string(a.body) != chatBody {
				t.Fatalf("body of an error was changed: %s", a.body)
			}
		})
	}
}

func TestTrapTrailers(t *testing.T) {
	for _, contentType := range []string{"application/json", "text/event-stream"} {
		t.Run(contentType, func(t *testing.T) {
			srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", contentType)
				w.Header().Set("Trailer", "X-Sum, Avow_Id")
				body := chatBody
				if contentType != "application/json" {
					body = event("Hi") + "data: [DONE]\n\n"
				}
				_, _ = io.WriteString(w, body)
				w.Header().Set("X-Sum", "7")
				w.Header()["Avow_Id"] = []string{"spoof"}
				w.Header()[http.TrailerPrefix+"Ai_disclosure"] = []string{"spoof"}
				w.Header()[http.TrailerPrefix+"X-Late"] = []string{"1"}
			}))
			a := ask(t, "POST", srv.URL+chatPath, chatAsk)
			wantMarked(t, a)
			if a.Trailer.Get("X-Sum") != "7" || a.Trailer.Get("X-Late") != "1" {
				t.Fatalf("trailers = %v", a.Trailer)
			}
			for k := range a.Trailer {
				if disclose.OwnHeader(k) {
					t.Errorf("trailer %s survived", k)
				}
			}
		})
	}
}

func pack(t testing.TB, coding, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&buf)
	case "deflate":
		w = zlib.NewWriter(&buf)
	case "br":
		w = brotli.NewWriter(&buf)
	case "zstd":
		w, _ = zstd.NewWriter(&buf)
	}
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestTrapContentEncoding(t *testing.T) {
	for _, coding := range []string{"gzip", "x-gzip", "deflate", "br", "zstd"} {
		for _, step := range []int{1, 1 << 20} {
			t.Run(fmt.Sprintf("%s/%d", coding, step), func(t *testing.T) {
				packed := pack(t, coding, chatBody)
				srv := proxyTo(t, testOptions(disclose.Strict), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if got := r.Header.Get("Accept-Encoding"); got != "identity" {
						t.Errorf("Accept-Encoding = %q", got)
					}
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Encoding", coding)
					for p := packed; len(p) > 0; {
						n := min(step, len(p))
						_, _ = w.Write(p[:n])
						p = p[n:]
					}
				}))
				a := ask(t, "POST", srv.URL+chatPath, chatAsk, "Accept-Encoding", "gzip, br")
				wantMarked(t, a)
				wantHeader(t, a, "Content-Encoding", "")
			})
		}
	}
	for _, coding := range []string{"lzma", "gzip, gzip"} {
		for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
			t.Run(coding+"/"+profile.String(), func(t *testing.T) {
				srv := wrap(t, testOptions(profile), func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Encoding", coding)
					_, _ = io.WriteString(w, "opaque")
				})
				a := ask(t, "POST", srv.URL+chatPath, chatAsk)
				if profile == disclose.Strict {
					wantStatus(t, a, http.StatusBadGateway)
					return
				}
				wantHeader(t, a, "Avow-Outcome", "passed; reason=encoded")
				if string(a.body) != "opaque" {
					t.Fatalf("body = %q", a.body)
				}
			})
		}
	}
}

func TestCompressedBombsAreRefused(t *testing.T) {
	zeros := strings.Repeat("0", 70<<20)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		t.Run(coding, func(t *testing.T) {
			packed := pack(t, coding, zeros)
			srv := wrap(t, testOptions(disclose.Standard), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", coding)
				_, _ = w.Write(packed)
			})
			wantStatus(t, ask(t, "POST", srv.URL+chatPath, chatAsk), http.StatusBadGateway)
		})
	}
}

func TestCutCompressedBodyIsRefused(t *testing.T) {
	for _, coding := range []string{"gzip", "deflate", "br", "zstd"} {
		packed := pack(t, coding, chatBody)
		for _, cut := range []int{1, len(packed) / 2, len(packed) - 1} {
			t.Run(fmt.Sprintf("%s/%d", coding, cut), func(t *testing.T) {
				srv := wrap(t, testOptions(disclose.Standard), func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Encoding", coding)
					_, _ = w.Write(packed[:cut])
				})
				wantStatus(t, ask(t, "POST", srv.URL+chatPath, chatAsk), http.StatusBadGateway)
			})
		}
	}
}

func TestTrapDigests(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		for _, f := range digestFields {
			w.Header().Set(f, "sha-256=:stale:")
		}
		w.Header().Set("Signature-Input", `sig=("content-digest");created=1`)
		w.Header().Set("Signature", "sig=:AA==:")
		chat(w, r)
	})
	a := ask(t, "POST", srv.URL+chatPath, chatAsk)
	wantMarked(t, a)
	sum := sha256.Sum256(a.body)
	wantHeader(t, a, "Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	for _, gone := range []string{"Content-MD5", "Digest", "Signature", "Signature-Input"} {
		wantHeader(t, a, gone, "")
	}
}

func TestTrapNoTransform(t *testing.T) {
	for _, obey := range []bool{false, true} {
		t.Run(strconv.FormatBool(obey), func(t *testing.T) {
			o := testOptions(disclose.Strict)
			o.ObeyNoTransform = obey
			srv := proxyTo(t, o, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "no-transform")
				chat(w, r)
			}))
			a := ask(t, "POST", srv.URL+chatPath, chatAsk)
			if !obey {
				wantMarked(t, a)
				return
			}
			wantHeader(t, a, "Avow-Outcome", "passed; reason=no_transform")
			if string(a.body) != chatBody {
				t.Fatalf("body changed: %s", a.body)
			}
		})
	}
}

func TestTrapVaryAndCaches(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		w.Header().Set("Cache-Control", "public, max-age=60, s-maxage=90")
		chat(w, r)
	})
	a := ask(t, "POST", srv.URL+chatPath, chatAsk, "Accept-Language", "de")
	wantStatus(t, a, 200)
	wantHeader(t, a, "Vary", "Origin|Accept-Language")
	wantHeader(t, a, "Cache-Control", "private, max-age=60")
	wantHeader(t, a, "Content-Language", "de")
	if !bytes.Contains(a.body, []byte("KI-System")) {
		t.Fatalf("no German notice in %s", a.body)
	}
}

func TestTrapCSP(t *testing.T) {
	const csp = "default-src 'self'; style-src 'self'"
	srv := wrap(t, testOptions(disclose.Strict), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", csp)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><html><body><p>x</p></body></html>")
	})
	a := ask(t, "GET", srv.URL+"/page", "")
	wantMarked(t, a)
	wantHeader(t, a, "Content-Security-Policy", csp)
	data := regexp.MustCompile(`<script type="application/ld\+json" [^>]*>[^<]*</script>`) // no script: a policy does not look at it
	if s := data.ReplaceAllString(string(a.body), ""); strings.Contains(s, "<script") || strings.Contains(s, "<style") || strings.Contains(s, "style=") {
		t.Fatalf("notice needs a weaker policy: %s", s)
	}
}

func TestTrapPanics(t *testing.T) {
	for name, value := range map[string]any{"abort": http.ErrAbortHandler, "panic": errors.New("boom")} {
		t.Run(name, func(t *testing.T) {
			mw, err := New(testOptions(disclose.Standard))
			if err != nil {
				t.Fatal(err)
			}
			seen := make(chan any, 1)
			srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { seen <- recover(); panic(http.ErrAbortHandler) }()
				mw(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { chat(w, r); panic(value) })).ServeHTTP(w, r)
			}))
			if a := ask(t, "POST", srv.URL+chatPath, chatAsk); a.err == nil {
				t.Fatalf("held body left after a panic: %d %s", a.StatusCode, a.body)
			}
			if got := <-seen; got != value {
				t.Fatalf("panic value = %v, want %v", got, value)
			}
		})
	}
}

func TestTrapMaxBody(t *testing.T) {
	for _, profile := range []disclose.Profile{disclose.Strict, disclose.Standard} {
		t.Run(profile.String(), func(t *testing.T) {
			o := testOptions(profile)
			o.Disclose.MaxHeld = 100
			srv := wrap(t, o, chat)
			a := ask(t, "POST", srv.URL+chatPath, chatAsk)
			if profile == disclose.Strict {
				wantStatus(t, a, http.StatusBadGateway)
				return
			}
			wantStatus(t, a, 200)
			if string(a.body) != chatBody || !strings.HasPrefix(a.Header.Get("Avow-Outcome"), "degraded") {
				t.Fatalf("outcome %q, body %s", a.Header.Get("Avow-Outcome"), a.body)
			}
		})
	}
}

func TestTrapJSONFidelity(t *testing.T) {
	srv := wrap(t, testOptions(disclose.Strict), chat)
	a := ask(t, "POST", srv.URL+chatPath, chatAsk)
	wantMarked(t, a)
	s := strings.Replace(string(a.body), noticeEN+`\n\n`, "", 1)
	start := strings.Index(s, `"ai_disclosure"`)
	end := strings.Index(s, `"id":"chatcmpl-1"`)
	if start < 0 || end < start || s[:start]+s[end:] != chatBody {
		t.Fatalf("outside the splice the answer changed:\n%s\n%s", s, chatBody)
	}
	if !json.Valid(a.body) {
		t.Fatal("not JSON")
	}
}

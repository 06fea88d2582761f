package middleware

import (
	"net/http"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
)

func TestDecide(t *testing.T) {
	hdr := func(kv ...string) http.Header {
		h := http.Header{}
		for i := 0; i+1 < len(kv); i += 2 {
			h.Add(kv[i], kv[i+1])
		}
		return h
	}
	const ct = "Content-Type"
	std, strict := policy{profile: disclose.Standard}, policy{}
	chatStrict := policy{shape: disclose.ShapeOpenAIChat}
	proxy := policy{shape: disclose.ShapeOpenAIChat, proxy: true}
	obey := policy{shape: disclose.ShapeOpenAIChat, proxy: true, obeyNoTransform: true}
	require := policy{profile: disclose.Standard, require: disclose.NewCarrierSet(disclose.CarrierNotice)}
	for _, c := range []struct {
		name, method string
		status       int
		h            http.Header
		p            policy
		want         action
		reason       disclose.Reason
	}{
		{"json", "POST", 200, hdr(ct, "application/json"), chatStrict, actHold, ""},
		{"sse", "POST", 200, hdr(ct, "text/event-stream"), chatStrict, actStream, ""},
		{"text", "GET", 200, hdr(ct, "text/plain"), strict, actStream, ""},
		{"html", "GET", 200, hdr(ct, "text/html"), strict, actStream, ""},
		{"image", "GET", 200, hdr(ct, "image/png"), strict, actHold, ""},
		{"api answers with a page", "GET", 200, hdr(ct, "text/html"), chatStrict, actUnknown, disclose.ReasonUnknownShape},
		{"octets", "GET", 200, hdr(ct, "application/octet-stream"), strict, actUnknown, disclose.ReasonUnknownShape},
		{"video", "GET", 200, hdr(ct, "video/mp4"), std, actUnknown, disclose.ReasonUnknownShape},
		{"required and unknown", "GET", 200, hdr(ct, "video/mp4"), require, actWithhold, disclose.ReasonUnknownShape},
		{"no type", "GET", 200, hdr(), strict, actUnknown, disclose.ReasonUnknownShape},
		{"head", "HEAD", 200, hdr(ct, "application/json"), chatStrict, actHold, ""},
		{"error", "POST", 500, hdr(ct, "application/json"), chatStrict, actHeader, disclose.ReasonErrorStatus},
		{"redirect", "GET", 302, hdr(ct, "text/html"), strict, actHeader, disclose.ReasonErrorStatus},
		{"204", "GET", 204, hdr(), strict, actHeader, ""},
		{"304", "GET", 304, hdr(), strict, actBare, ""},
		{"206 strict", "GET", 206, hdr(ct, "image/png"), strict, actWithhold, disclose.ReasonPartialContent},
		{"206 standard", "GET", 206, hdr(ct, "image/png"), std, actHeader, disclose.ReasonPartialContent},
		{"200 with a range", "GET", 200, hdr(ct, "image/png", "Content-Range", "bytes 0-1/2"), strict, actWithhold, disclose.ReasonPartialContent},
		{"101 strict", "GET", 101, hdr(), strict, actWithhold, disclose.ReasonUpgrade},
		{"101 standard", "GET", 101, hdr(), std, actHeader, disclose.ReasonUpgrade},
		{"connect", "CONNECT", 200, hdr(), strict, actWithhold, disclose.ReasonUpgrade},
		{"frames strict", "POST", 200, hdr(ct, "Application/vnd.amazon.eventstream; v=1"), strict, actWithhold, disclose.ReasonUpgrade},
		{"frames standard", "POST", 200, hdr(ct, "application/vnd.amazon.eventstream"), std, actHeader, disclose.ReasonUpgrade},
		{"gzip", "POST", 200, hdr(ct, "application/json", "Content-Encoding", "GZIP"), chatStrict, actHold, ""},
		{"unknown coding strict", "POST", 200, hdr(ct, "text/plain", "Content-Encoding", "lzma"), strict, actWithhold, disclose.ReasonEncoded},
		{"unknown coding standard", "POST", 200, hdr(ct, "text/plain", "Content-Encoding", "lzma"), std, actHeader, disclose.ReasonEncoded},
		{"two layers", "POST", 200, hdr(ct, "text/plain", "Content-Encoding", "gzip", "Content-Encoding", "br"), strict, actWithhold, disclose.ReasonEncoded},
		{"no-transform overruled", "POST", 200, hdr(ct, "application/json", "Cache-Control", "max-age=1, No-Transform"), proxy, actHold, ""},
		{"no-transform obeyed", "POST", 200, hdr(ct, "application/json", "Cache-Control", "no-transform"), obey, actHeader, disclose.ReasonNoTransform},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decide(c.method, c.status, c.h, c.p)
			if got.action != c.want || got.reason != c.reason {
				t.Fatalf("decide = %s %q, want %s %q", got.action, got.reason, c.want, c.reason)
			}
		})
	}
}

func TestValidators(t *testing.T) {
	for _, c := range []struct{ in, none, match string }{
		{`W/"a-m12345678"`, `"a", W/"a"`, `"a"`},
		{`"a-m12345678"`, `"a", W/"a"`, `"a"`},
		{`*`, `*`, `*`},
		{`"a"`, ``, `"a"`},
		{`"a,b-m12345678", "c"`, `"a,b", W/"a,b"`, `"a,b", "c"`},
		{`junk`, ``, `junk`},
		{`"a-m00000000"`, ``, `"a-m00000000"`},
	} {
		h := http.Header{"If-None-Match": {c.in}, "If-Match": {c.in}}
		restoreValidators(h, "12345678")
		if h.Get("If-None-Match") != c.none || h.Get("If-Match") != c.match {
			t.Errorf("%s: If-None-Match %q, If-Match %q; want %q, %q", c.in, h.Get("If-None-Match"), h.Get("If-Match"), c.none, c.match)
		}
	}
}

func FuzzValidators(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"b"`, `""`, `"`, `W/`, `a,"b,c"`, `"x-m12345678"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		h := http.Header{"Etag": {tag}}
		markETag(h, "12345678")
		if got := h.Get("Etag"); got != "" {
			back := restored([]string{got}, "12345678", false)
			opaque, _ := opaqueTag(tag)
			want := strings.TrimSuffix(opaque, "-m12345678")
			if len(got) <= maxValidators && (len(back) != 2 || back[0] != `"`+want+`"`) {
				t.Fatalf("%q became %q and came back as %q", tag, got, back)
			}
		}
		restored([]string{tag}, "12345678", true)
	})
}

func FuzzOwnTokens(f *testing.F) {
	for _, s := range []string{"close", "AI-Disclosure", "close, avow_id ,x", ",,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		h := http.Header{"Connection": {list}}
		removeOwn(h)
		for _, v := range h["Connection"] {
			for tok := range strings.SplitSeq(v, ",") {
				if disclose.OwnHeader(tok) {
					t.Fatalf("%q kept %q", list, tok)
				}
			}
		}
	})
}

func TestMatch(t *testing.T) {
	exempt := &Exemption{Reason: "tools"}
	c, err := newCore(Options{Routes: []Route{{Path: "/tools/*", Exempt: exempt}, {Path: "/img/*/x", Shape: disclose.ShapeImage}}}, true)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/v1/chat/completions":             "ai",
		"/v1//chat/completions/":           "ai",
		"/tools/chat/completions":          "exempt",
		"/tools/../v1/chat/completions":    "ai",
		"/tools/..%2fv1/chat/completions":  "ai",
		"/img/7/x":                         "ai",
		"/img/7/8/x":                       "no",
		"/view?filename=a.png":             "ai",
		"/view?filename=a.png&type=output": "ai",
		"/view?filename=a.png&type=input":  "no",
		"/view":                            "no",
		"/static/app.js":                   "no",
		"/v1/models":                       "no",
		"/v1beta/models/g:generateContent": "ai",
		"/sdapi/v1/txt2img":                "ai",
		"/sdapi/v1/some-new-route":         "ai",
		"/sdapi/v1/options":                "no",
		"/v1/responses/resp_1":             "ai",
		"/v1/responses/other":              "no",
		"/v1/threads/t/messages":           "no",
		"/v1/realtime?model=m":             "ai",
		"/model/m/converse-stream":         "ai",
		"/chat/completions/other":          "no",
		"/tools/":                          "exempt",
	} {
		r, err := http.NewRequest("GET", "http://x"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := "no"
		if m := c.match(r); m.exempt {
			got = "exempt"
		} else if m.ai {
			got = "ai"
		}
		if got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for _, bad := range []Route{{Path: "x"}, {Path: "/[", Shape: "image"}, {Path: "/a", Exempt: &Exemption{}}} {
		if _, err := New(Options{Routes: []Route{bad}}); err == nil {
			t.Errorf("route %+v was accepted", bad)
		}
	}
}

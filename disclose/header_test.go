package disclose

import (
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/watermark"
)

func TestHeaderValue(t *testing.T) {
	at := time.Unix(1795392000, 0)
	for want, l := range map[string]Label{
		`mode=machine-generated, model="m", provider="p", date=@1795392000`: {Generator: "m", System: "s", Provider: "p", Time: at},
		`mode=machine-generated, model="a \"b\" \\"`:                        {System: `a "b" \`},
		`mode=machine-generated, provider=%"M%c3%bcller %25"`:               {Provider: "Müller %"},
		`mode=machine-generated`:                                            {},
	} {
		got := l.HeaderValue()
		if got != want {
			t.Errorf("HeaderValue = %s, want %s", got, want)
		}
		st, err := ParseHeader(got)
		if err != nil || st.Provider != l.Provider || st.Date.Unix() != l.Time.Unix() && !l.Time.IsZero() {
			t.Errorf("ParseHeader(%s) = %+v, %v", got, st, err)
		}
	}
}

func TestParseHeader(t *testing.T) {
	for value, want := range map[string]string{
		`mode=ai-originated; model="x, y; z"; provider="p"`: "ai-originated",
		`mode="machine-generated"`:                          "machine-generated",
		`provider="mode=none", mode=ai-modified`:            "ai-modified",
		`mode=none, unknown=1;a=b, mode=machine-generated`:  "machine-generated",
	} {
		if st, err := ParseHeader(value); err != nil || st.Mode != want {
			t.Errorf("%s: %+v, %v", value, st, err)
		}
	}
	for _, value := range []string{``, `true`, `mode`, `mode=yes`, `"mode=none`, strings.Repeat("a", 5000)} {
		if st, err := ParseHeader(value); err == nil {
			t.Errorf("%.40s was read as %+v", value, st)
		}
	}
}

func TestOwnHeader(t *testing.T) {
	for _, name := range []string{"AI-Disclosure", "ai-disclosure", "Ai_Disclosure", "AI_DISCLOSURE", " avow-id ", "Avow_Id", "AVOW-OUTCOME", "avow_outcome"} {
		if !OwnHeader(name) {
			t.Errorf("%q is not recognised", name)
		}
	}
	for _, name := range []string{"AI-Disclosures", "X-AI-Disclosure", "Avow", "", "Content-Type"} {
		if OwnHeader(name) {
			t.Errorf("%q is taken for ours", name)
		}
	}
}

func TestIDs(t *testing.T) {
	ids := []watermark.Payload{{1}, {2}}
	text := FormatIDs(ids)
	if text != "0100000000000000, 0200000000000000" {
		t.Fatalf("FormatIDs = %s", text)
	}
	back, err := ParseIDs(text)
	if err != nil || len(back) != 2 || back[1] != ids[1] {
		t.Fatalf("ParseIDs = %v, %v", back, err)
	}
	if _, err := ParseIDs("x"); err == nil {
		t.Fatal("ParseIDs took x")
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(`mode=machine-generated, model="a\"b", provider=%"M%c3%bc", date=@1`)
	f.Add(`mode="x;mode=none`)
	f.Fuzz(func(t *testing.T, value string) {
		st, err := ParseHeader(value)
		if err == nil && !modes[st.Mode] {
			t.Fatalf("mode %q", st.Mode)
		}
		_, _ = ParseIDs(value)
	})
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerifyKeys(t *testing.T) {
	c, err := Parse([]byte("verify: {per_minute: 0, near_duplicates: 7, memory: 128MiB, trusted_proxies: [10.0.0.0/8, 192.0.2.7, '2001:db8::1/32']}"))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options().Verify
	if o.Limits.PerMinute != -1 || o.Limits.PerGroup != 7 || o.Limits.Burst != 10 || o.Limits.Memory != 32<<20 {
		t.Errorf("limits %+v", o.Limits)
	}
	var proxies []string
	for _, p := range o.TrustedProxies {
		proxies = append(proxies, p.String())
	}
	if got := strings.Join(proxies, " "); got != "10.0.0.0/8 192.0.2.7/32 2001:db8::/32" {
		t.Errorf("proxies %s", got)
	}
	if d := Default().Options().Verify; d.Limits.PerMinute != 30 || d.TextVerifiersOnly || len(d.TrustedProxies) != 0 {
		t.Errorf("defaults %+v", d)
	}
}

func TestVerifyMistakes(t *testing.T) {
	for yaml, want := range map[string]string{
		"verify: {per_minute: -1}":                  "verify.per_minute: -1 is not possible",
		"verify: {burst: 0}":                        "verify.burst: 0 is not possible",
		"verify: {memory: 1MiB}":                    "verify.memory: 1MiB is not possible",
		"verify: {trusted_proxies: [loadbalancer]}": `verify.trusted_proxies: "loadbalancer" is no address`,
		"verify: {tokens: x}":                       `no key is called "tokens"; did you mean`,
	} {
		if _, err := Parse([]byte(yaml)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", yaml, err, want)
		}
	}
}

func TestTokensFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	sum := strings.Repeat("ab", 32)
	if err := os.WriteFile(file, []byte("# verifiers\n\n"+sum+"  -\n"+strings.ToUpper(sum)+" the newspaper\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := Verify{TokensFile: file}.Tokens()
	if err != nil || len(tokens) != 2 || tokens[0] != tokens[1] || tokens[0][0] != 0xab {
		t.Fatalf("%v %x", err, tokens)
	}
	if tokens, err := (Verify{}).Tokens(); err != nil || tokens != nil {
		t.Errorf("no file: %v %v", tokens, err)
	}
	if _, err := (Verify{TokensFile: file + "x"}).Tokens(); err == nil {
		t.Error("a missing file is no mistake")
	}
}

// FuzzTokens: no line of a tokens file gives anything but 32 bytes.
func FuzzTokens(f *testing.F) {
	f.Add("# none\n" + strings.Repeat("00", 32) + " note\n")
	f.Add("secret")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := readTokens(strings.NewReader(text))
		if err == nil && len(tokens) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d tokens", len(tokens))
		}
	})
}

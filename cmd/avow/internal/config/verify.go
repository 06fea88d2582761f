package config

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/avowai/avow/middleware"
)

// Verify says what the verification service answers, and to whom. A limit of 0
// questions means none.
type Verify struct {
	TokensFile        string   `yaml:"tokens_file" doc:"SHA-256 of verifiers' bearer tokens, one a line."`
	TextVerifiersOnly bool     `yaml:"text_verifiers_only" doc:"Text needs such a token."`
	URLInput          bool     `yaml:"url_input" doc:"Fetch what an https address names."`
	TrustedProxies    []string `yaml:"trusted_proxies" doc:"Addresses or networks whose X-Forwarded-For is believed."`
	PerMinute         int      `yaml:"per_minute" range:"0..1000000" doc:"Questions of a client in the long run; 0 means no limit."`
	Burst             int      `yaml:"burst" range:"1..1000000" doc:"Questions of a client at once."`
	Concurrent        int      `yaml:"concurrent" range:"0..1000000" doc:"Questions of a client in progress; 0 means no limit."`
	NearDuplicates    int      `yaml:"near_duplicates" range:"0..1000000" doc:"Versions of the same content in 24 hours, by all clients; 0 means no limit."`
	Memory            Size     `yaml:"memory" range:"64MiB..64GiB" doc:"Questions and decoded pictures held at one time."`
}

// defaultVerify are the library's own defaults, written out.
func defaultVerify() Verify {
	return Verify{TrustedProxies: []string{}, PerMinute: 30, Burst: 10, Concurrent: 5, NearDuplicates: 20, Memory: 512 << 20}
}

const maxTokensFile = 1 << 20 // bytes

// check says what is wrong with the verification service's keys.
func (v Verify) check() (errs []error) {
	if _, err := v.proxies(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// proxies reads the trusted proxies; a bare address stands for itself alone.
func (v Verify) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range v.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("verify.trusted_proxies: %.64q is no address and no network; write for example 10.0.0.0/8", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// options are the service's options as far as the configuration says them. Tokens
// reads the other part.
func (v Verify) options() middleware.VerifyOptions {
	proxies, _ := v.proxies() // Check has seen to it
	return middleware.VerifyOptions{
		TextVerifiersOnly: v.TextVerifiersOnly, TrustedProxies: proxies,
		Limits: middleware.VerifyLimits{
			PerMinute: limit(v.PerMinute), Burst: v.Burst, Concurrent: limit(v.Concurrent), PerGroup: limit(v.NearDuplicates),
			Memory: int64(v.Memory) / 4,
		},
	}
}

// limit turns this file's 0, no limit, into that of the library.
func limit(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// Tokens reads the file of verifiers' tokens: on each line the SHA-256 of one, in
// hexadecimal digits, and after a space what the operator likes to note. The tokens
// themselves are in no file.
func (v Verify) Tokens() ([][32]byte, error) {
	if v.TokensFile == "" {
		return nil, nil
	}
	f, err := os.Open(v.TokensFile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readTokens(f)
}

func readTokens(r io.Reader) ([][32]byte, error) {
	var out [][32]byte
	lines := bufio.NewScanner(io.LimitReader(r, maxTokensFile))
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		sum, err := hex.DecodeString(text)
		if err != nil || len(sum) != 32 {
			return nil, fmt.Errorf("verify.tokens_file: line %d does not start with a SHA-256 in 64 hexadecimal digits", n)
		}
		out = append(out, [32]byte(sum))
	}
	return out, lines.Err()
}

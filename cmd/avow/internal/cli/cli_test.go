package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/avowai/avow/disclose"
)

func TestMain(m *testing.M) {
	runAsChild()
	goleak.VerifyTestMain(m)
}

// A home is a working directory with a data directory of its own.
type home struct {
	t   *testing.T
	dir string
}

func newHome(t *testing.T) home {
	t.Helper()
	h := home{t, t.TempDir()}
	t.Chdir(h.dir)
	t.Setenv("AVOW_DATA", filepath.Join(h.dir, "data"))
	return h
}

// A ran is what one run of the command line left.
type ran struct {
	t        *testing.T
	what     string
	code     int
	out, err string
}

func (h home) run(args ...string) ran { return h.runWith("", args...) }

func (h home) runWith(stdin string, args ...string) ran {
	h.t.Helper()
	var out, errOut bytes.Buffer
	code := Main(args, strings.NewReader(stdin), &out, &errOut)
	return ran{h.t, "avow " + strings.Join(args, " "), code, out.String(), errOut.String()}
}

func (r ran) want(code int, outHas, errHas string) ran {
	r.t.Helper()
	if r.code != code || !strings.Contains(r.out, outHas) || !strings.Contains(r.err, errHas) {
		r.t.Errorf("%s: code %d, want %d\nstdout (want %q):\n%.2000s\nstderr (want %q):\n%.2000s",
			r.what, r.code, code, outHas, r.out, errHas, r.err)
	}
	return r
}

func (h home) write(name string, data []byte) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h home) read(name string) []byte {
	h.t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return data
}

// picture is a PNG with texture, w x w pixels.
func picture(w int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, w, w))
	for y := range w {
		for x := range w {
			v := 20*math.Sin(float64(x)/9+float64(y)/3) + 12*math.Sin(float64(x*y)/611)
			img.SetNRGBA(x, y, color.NRGBA{uint8(90 + v + float64(y)/8), uint8(130 + v), uint8(160 + v), 255})
		}
	}
	var buf bytes.Buffer
	_ = png.Encode(&buf, img)
	return buf.Bytes()
}

// claimed is a PNG whose header says w x h; its pixels are those of data.
func claimed(data []byte, w, h uint32) []byte {
	out := bytes.Clone(data)
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	return out
}

func TestMistakesNameTheNearest(t *testing.T) {
	h := newHome(t)
	h.write("bad.yaml", []byte("listen: \":8080\"\nprofil: strict\n"))
	h.write("deep.yaml", []byte("limits:\n  held_byte: 1MiB\n"))
	for _, c := range []struct{ name, args, errHas string }{
		{"command", "verfy x", "did you mean avow verify?"},
		{"subcommand", "keys retir k-1", "avow: error:"},
		{"flag", "verify --jsn x", "did you mean --json?"},
		{"common-flag", "--dta d version", "did you mean --data?"},
		{"yaml-key", "config check --config bad.yaml", `line 2: no key is called "profil"; did you mean "profile"?`},
		{"yaml-deep", "config check --config deep.yaml", `line 2: no key is called "held_byte"; did you mean "held_bytes"?`},
		{"level", "serve --log-level loud --listen 256.0.0.1:1", "avow: error:"},
		{"argument", "mark", "hint: name a file, a directory, or -"},
		{"nothing", "verify", "nothing to verify"},
		{"missing", "verify nowhere.png", "nowhere.png"},
		{"url", "verify ftp://example.org/a.png", "hint: give an https URL"},
		{"url-inside", "verify https://127.0.0.1/a.png", "add --allow-private"},
		{"url-marked", "mark https://example.org/a.png", "no such file"},
		{"id", "mark --id 12 x.png", "16 hexadecimal digits"},
		{"upstream", "proxy", "no upstream is given"},
		{"same-address", "proxy --upstream http://127.0.0.1:1 --listen 127.0.0.1:0 --admin 127.0.0.1:0", "given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := home{t, h.dir}.run(strings.Fields(c.args)...).want(exitTrouble, "", c.errHas)
			if r.out != "" {
				t.Errorf("stdout = %q, want nothing", r.out)
			}
		})
	}
}

func TestEnvironmentIsUnderFlags(t *testing.T) {
	h := newHome(t)
	t.Setenv("AVOW_JSON", "true")
	h.write("in.txt", []byte("Plain text."))
	h.run("verify", "in.txt").want(exitNo, `"verdict": "absent"`, "")
	h.run("verify", "--json=false", "in.txt").want(exitNo, "in.txt: absent", "")
	t.Setenv("AVOW_JSON", "perhaps")
	h.run("verify", "in.txt").want(exitTrouble, "", "AVOW_JSON")
}

func TestKeys(t *testing.T) {
	h := newHome(t)
	first := strings.TrimSpace(h.run("keygen").want(exitOK, "k-", "is active").out)
	second := strings.TrimSpace(h.run("keygen").want(exitOK, "k-", "").out)
	list := h.run("keys", "list").want(exitOK, first, "")
	if !strings.Contains(list.out, first+"  verify") || !strings.Contains(list.out, second+"  active") {
		t.Errorf("after two keygens:\n%s", list.out)
	}
	h.run("keys", "revoke", second).want(exitOK, "", "revoked")
	h.run("keys", "retire", second).want(exitTrouble, "", "cannot be undone")
	h.write("in.png", picture(200))
	h.run("mark", "in.png").want(exitTrouble, "", "avow keygen")
	if ring := string(h.read("data/keys.json")); !strings.Contains(ring, "avow-key-1") || strings.Contains(list.out+list.err, "avow-key-1") {
		t.Error("the secret belongs into keys.json and nowhere else")
	}
}

func TestWrongKeyFile(t *testing.T) {
	h := newHome(t)
	h.run("keygen").want(exitOK, "k-", "")
	ring := h.read("data/keys.json")
	h.write("in.png", picture(200))
	if runtime.GOOS != "windows" {
		if err := os.Chmod("data/keys.json", 0o644); err != nil {
			t.Fatal(err)
		}
		h.run("verify", "in.png").want(exitTrouble, "", "hint: chmod 600 ")
		_ = os.Chmod("data/keys.json", 0o600)
	}
	h.write("data/keys.json", ring[:len(ring)/2])
	r := h.run("verify", "in.png").want(exitTrouble, "", "hint: restore the file from a backup")
	if strings.Contains(r.err, "avow-key-1") {
		t.Error("the error shows the secret")
	}
}

func TestUnmarked(t *testing.T) {
	h := newHome(t)
	h.write("in.png", picture(256))
	h.run("verify", "in.png").want(exitNo, "in.png: absent (nothing_found)", "made a key ring").want(exitNo, disclose.Limits, "")
	h.write("note.txt", []byte("A person or a machine wrote this."))
	h.run("verify", "note.txt").want(exitNo, disclose.Limits, "")
}

func TestHostileInputs(t *testing.T) {
	h := newHome(t)
	h.run("keygen")
	whole := picture(256)
	for name, data := range map[string][]byte{
		"huge.png":        claimed(whole, 30000, 30000),
		"overflow.png":    claimed(whole, math.MaxInt32, math.MaxInt32),
		"cut.png":         whole[:len(whole)/2],
		"magic.png":       whole[:8],
		"undecodable.png": append(bytes.Clone(whole[:60]), bytes.Repeat([]byte{0xff}, 300)...),
		"gif.gif":         []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"),
		"noise.bin":       {0, 1, 2, 0xff, 0xfe},
		"empty.png":       {},
	} {
		h.write(name, data)
		t.Run(name, func(t *testing.T) {
			h := home{t, h.dir}
			if name != "empty.png" {
				h.run("verify", name).want(exitTrouble, "", "hint: ")
			}
			r := h.run("mark", name, "-o", "out/"+name).want(exitTrouble, "", "avow: error: ")
			if left, _ := filepath.Glob("out/*"); left != nil || r.out != "" {
				t.Errorf("a failed run left %v and wrote %q", left, r.out)
			}
		})
	}
}

// reportOf reads a verify --json.
func reportOf(t *testing.T, r ran) disclose.Report {
	t.Helper()
	var rep disclose.Report
	if err := json.Unmarshal([]byte(r.out), &rep); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", r.what, err, r.out, r.err)
	}
	return rep
}

// imageID returns the id that the image mark carries, or "".
func imageID(rep disclose.Report) string {
	for _, f := range rep.Findings {
		if f.Carrier == "image_mark" && f.Status == disclose.Verified {
			return f.ID
		}
	}
	return ""
}

func TestIDRoundTrip(t *testing.T) {
	h := newHome(t)
	const id = "9f3c52d07ab1e644"
	h.write("in.png", picture(320))
	h.run("mark", "--id", id, "--provider", "Example GmbH", "in.png").want(exitOK, "", "id "+id+" -> in.avow.png")
	rep := reportOf(t, h.run("verify", "--json", "in.avow.png").want(exitOK, "", ""))
	if rep.Verdict != disclose.Verified || rep.Reason != disclose.CauseKeyMatches || imageID(rep) != id {
		t.Errorf("verdict %s, reason %s, id %q; want verified, key_matches, %s", rep.Verdict, rep.Reason, imageID(rep), id)
	}
	h.run("verify", "--before", "in.avow.png", "in.png").want(exitNo, "image_mark   lost     verified  -> absent", "")
	h.run("verify", "--before", "in.avow.png", "in.avow.png").want(exitOK, "image_mark   kept", "")
	h.run("verify", "in.avow.png", "in.png").want(exitNo, "in.png: absent", "")
	h.run("keys", "revoke", strings.Fields(h.run("keys").out)[5])
	h.run("verify", "in.avow.png").want(exitOK, "present (revoked_key)", "")
}

func TestPipes(t *testing.T) {
	h := newHome(t)
	marked := h.runWith(string(picture(320)), "mark", "-").want(exitOK, "\x89PNG", "marked")
	rep := reportOf(t, h.runWith(marked.out, "verify", "--json", "-").want(exitOK, "", ""))
	if imageID(rep) == "" || rep.Input != "-" {
		t.Errorf("report of a pipe: input %q, id %q", rep.Input, imageID(rep))
	}
	h.runWith("", "mark", "-").want(exitTrouble, "", "avow: error: ")
}

func TestNeverOverwrites(t *testing.T) {
	h := newHome(t)
	in := picture(320)
	h.write("in.png", in)
	h.run("mark", "in.png").want(exitOK, "", "")
	h.run("mark", "in.png").want(exitTrouble, "", "in.avow.png exists already")
	h.run("mark", "-o", "in.png", "in.png").want(exitTrouble, "", "the same file")
	if !bytes.Equal(h.read("in.png"), in) {
		t.Error("the input was changed")
	}
	h.run("mark", "--force", "in.png").want(exitOK, "", "")
}

func TestDirectory(t *testing.T) {
	h := newHome(t)
	h.write("in/a.png", picture(320))
	h.write("in/b/c.png", picture(300))
	h.write("in/bad.png", picture(320)[:900])
	r := h.run("mark", "--jobs", "2", "-o", "out", "in").want(exitNo, "", "2 of 3 files marked")
	if strings.ContainsAny(r.err, "\r\x1b") {
		t.Errorf("a progress bar in a pipe: %q", r.err)
	}
	first := h.read("out/a.png")
	h.run("mark", "--resume", "-o", "out", "in").want(exitNo, "", "bad.png")
	if !bytes.Equal(h.read("out/a.png"), first) {
		t.Error("--resume marked a file again")
	}
	var reports []disclose.Report
	all := h.run("verify", "--json", "out").want(exitOK, "", "")
	if err := json.Unmarshal([]byte(all.out), &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 2 || reports[0].Input != filepath.Join("out", "a.png") || reports[1].Input != filepath.Join("out", "b", "c.png") {
		t.Errorf("reports %v, want a.png and b/c.png in this order", reports)
	}
	if imageID(reports[0]) == "" || imageID(reports[0]) == imageID(reports[1]) {
		t.Errorf("ids %q and %q, want two different ones", imageID(reports[0]), imageID(reports[1]))
	}
	h.run("mark", "--id", "9f3c52d07ab1e644", "-o", "two", "out").want(exitTrouble, "", "same id")
	h.write("in/bad.png", nil)
	h.run("verify", "in/bad.png", "out/a.png", "--json").want(exitNo, `"out/a.png"`, "")
}

func TestConfig(t *testing.T) {
	h := newHome(t)
	h.run("config", "check").want(exitOK, "ok", "")
	h.write("c.yaml", []byte("upstream: http://user:hunter2@127.0.0.1:9/?key=hunter2\nledger: {url: \"postgres://u:hunter2@db/avow\"}\nlimits: {held_bytes: 1MiB}\n"))
	r := h.run("config", "show", "--config", "c.yaml").want(exitOK, "held_bytes: 1MiB", "").want(exitOK, "profile: strict", "")
	if strings.Contains(r.out, "hunter2") {
		t.Errorf("config show prints a secret:\n%s", r.out)
	}
	h.run("config", "check", "--config", "c.yaml").want(exitOK, "ok", "")
	h.write("shown.yaml", []byte(r.out))
	h.run("config", "check", "--config", "shown.yaml").want(exitOK, "ok", "")
}

func TestProxyDoesNotWrapItself(t *testing.T) {
	for _, c := range []struct {
		upstream, listening string
		want                bool
	}{
		{"http://127.0.0.1:8080", "127.0.0.1:8080", true},
		{"http://localhost:8080/v1", "[::]:8080", true},
		{"http://[::1]:8080", "[::]:8080", true},
		{"http://127.0.0.1:11434", "[::]:8080", false},
		{"http://backend:8080", "[::]:8080", false},
		{"http://192.0.2.1:8080", "192.0.2.1:8080", true},
		{"http://127.0.0.1:8080", "192.0.2.1:8080", false},
	} {
		if got := wrapsItself(c.upstream, c.listening); got != c.want {
			t.Errorf("wrapsItself(%s, %s) = %v, want %v", c.upstream, c.listening, got, c.want)
		}
	}
	h := newHome(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	h.run("proxy", "--upstream", "http://"+addr, "--listen", addr, "--admin", "127.0.0.1:0").want(exitTrouble, "", "the proxy's own address")
}

func TestVersion(t *testing.T) {
	newHome(t).run("version").want(exitOK, runtime.Version(), "").want(exitOK, "template 1", "")
}

func TestHeaders(t *testing.T) {
	h := newHome(t)
	h.write("a.txt", []byte("An answer."))
	h.run("verify", "--header", "AI-Disclosure: mode=machine-generated", "a.txt").want(exitOK, "statement_only", "")
	h.run("verify", "--header", "nonsense", "a.txt").want(exitTrouble, "", "not a header field")
}

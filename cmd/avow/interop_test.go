package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

const interopDir = "testdata/interop"

// TestOfficialClients runs the official clients for Node and Go against a
// recorded upstream, directly and through avow proxy: what they read must be
// the upstream's text plus the notice, and nothing else may change.
func TestOfficialClients(t *testing.T) {
	if testing.Short() {
		t.Skip("interop: the clients are left out with -short")
	}
	up := newRecordedUpstream(t)
	rig := &interopRig{up: up, avow: buildAvow(t), data: t.TempDir()}
	rig.proxy = startProxy(t, rig.avow, up.URL, rig.data)
	tally := newTally()
	t.Run("node", func(t *testing.T) {
		node := needNode(t)
		rig.compare(t, tally, func(base string) *exec.Cmd {
			cmd := exec.Command(node, "clients.mjs", base)
			cmd.Dir = interopDir
			return cmd
		})
	})
	t.Run("go", func(t *testing.T) {
		bin := needGoClients(t)
		rig.compare(t, tally, func(base string) *exec.Cmd { return exec.Command(bin, base) })
	})
	if strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		return // some of the cases prove nothing about a whole entry
	}
	for _, s := range tally.stale() {
		t.Error(s)
	}
}

// An interopRig is what the clients of every language are run against.
type interopRig struct {
	up                *recordedUpstream
	proxy, avow, data string
}

// compare runs one program of clients twice and judges every case it printed.
func (rig *interopRig) compare(t *testing.T, tally *tally, clients func(base string) *exec.Cmd) {
	rig.up.take()
	plain := runClients(t, clients(rig.up.URL))
	asked := rig.up.take()
	marked := runClients(t, clients(rig.proxy))
	relayed := rig.up.take()
	if len(plain) == 0 || len(marked) != len(plain) {
		t.Fatalf("cases = %d through avow, want %d as without", len(marked), len(plain))
	}
	for _, base := range plain {
		t.Run(base.name.String(), func(t *testing.T) {
			got, ok := marked[base.name.String()]
			if !ok {
				t.Fatal("no such case through avow")
			}
			p := pair{base: base, got: got}
			p.noError(t)
			p.helperAgrees(t)
			wrong := p.judge()
			if base.name.scenario != "url" { // which is refused without asking
				wrong = append(wrong, rig.requests(asked, relayed, base.name)...)
			}
			wrong = append(wrong, rig.verifyImage(t, p)...)
			wrong = append(wrong, rig.strip(t, p)...)
			for _, w := range tally.note(base.name, p, wrong) {
				t.Error(w)
			}
		})
	}
}

// requests compares what reached the upstream: own marks are taken out of the
// history again, so the model sees exactly what it would see without avow.
func (rig *interopRig) requests(asked, relayed map[string][]ask, name caseName) []string {
	if want, got := asked[name.String()], relayed[name.String()]; !reflect.DeepEqual(got, want) {
		return []string{sprint("requests at the upstream", got, want)}
	}
	return nil
}

// verifyImage checks one marked image with the command line, as its receiver
// would.
func (rig *interopRig) verifyImage(t *testing.T, p pair) []string {
	if p.base.name.String() != "openai/openai-images/b64/json" {
		return nil
	}
	file := filepath.Join(t.TempDir(), "image.png")
	if err := os.WriteFile(file, imageBytes(p.got.doc, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(rig.avow, "verify", "--json", "--data", rig.data, file).Output()
	if err != nil {
		return []string{"avow verify: " + err.Error() + "\n" + string(out)}
	}
	var report struct {
		Verdict  string
		Findings []struct{ Carrier, ID string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("report: %v\n%s", err, out)
	}
	wrong := differ("verdict", report.Verdict, "verified")
	for _, f := range report.Findings {
		if f.Carrier == "image_mark" {
			wrong = append(wrong, differ("image mark id", f.ID, p.got.doc["ids"])...)
		}
	}
	return wrong
}

// strip checks that the marks in a text are the proxy's own and come off with
// its key.
func (rig *interopRig) strip(t *testing.T, p pair) (wrong []string) {
	if !p.base.name.edit().frames {
		return nil
	}
	var ring struct {
		Keys []struct{ Secret string }
	}
	if err := readJSON(filepath.Join(rig.data, "keys.json"), &ring); err != nil || len(ring.Keys) != 1 {
		t.Fatalf("key ring: %v, %d keys, want 1", err, len(ring.Keys))
	}
	key, err := watermark.ParseKey(ring.Keys[0].Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range stringsOf(p.got.doc["texts"]) {
		wrong = append(wrong, differ("text without its marks", textmark.Strip(text, key), unmark(text))...)
	}
	return wrong
}

// needNode returns Node's path, or skips with what to do.
func needNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("interop: Node.js is not installed; install Node 20 or later to run the official clients")
	}
	var pinned, found struct {
		Version      string
		Dependencies map[string]string
	}
	if err := readJSON(filepath.Join(interopDir, "package.json"), &pinned); err != nil {
		t.Fatal(err)
	}
	for name, version := range pinned.Dependencies {
		found.Version = ""
		_ = readJSON(filepath.Join(interopDir, "node_modules", filepath.FromSlash(name), "package.json"), &found)
		if found.Version != version {
			t.Skipf("interop: %s %s is not installed; run: npm ci --prefix cmd/avow/%s", name, version, interopDir)
		}
	}
	return node
}

func readJSON(file string, v any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

// needGoClients builds the Go clients, or skips with what to do. They are a
// module of their own, so that avow does not depend on them.
func needGoClients(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(interopDir, "goclients")
	bin := filepath.Join(t.TempDir(), "goclients")
	list := exec.Command("go", "list", "-deps", "-mod=readonly", ".")
	list.Dir = dir
	var why bytes.Buffer
	list.Stderr = &why
	if err := list.Run(); err != nil {
		t.Skipf("interop: the Go clients are not in the module cache; run: go -C cmd/avow/%s mod download\n%s", filepath.ToSlash(dir), why.String())
	}
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

func buildAvow(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "avow")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// startProxy runs avow proxy on a free port until the test ends.
func startProxy(t *testing.T, avow, upstream, data string) string {
	t.Helper()
	addr := freeAddr(t)
	cmd := exec.Command(avow, "proxy", "--upstream", upstream, "--listen", addr,
		"--admin", freeAddr(t), "--data", data, "--provider", "Example GmbH", "--system", "assistant")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("avow proxy said:\n%s", log.String())
		}
	})
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return "http://" + addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("avow proxy did not start")
	return ""
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// A seen is what one client saw in one case.
type seen struct {
	name caseName
	doc  map[string]any
}

// runClients runs a program of clients and returns what each case printed.
func runClients(t *testing.T, cmd *exec.Cmd) map[string]seen {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.String())
	}
	cases := map[string]seen{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 32<<20)
	for lines.Scan() {
		var doc map[string]any
		if err := json.Unmarshal(lines.Bytes(), &doc); err != nil {
			t.Fatalf("client output %q: %v", lines.Text(), err)
		}
		name, _ := doc["case"].(string)
		if strings.Count(name, "/") != 3 || cases[name].doc != nil {
			t.Fatalf("case %q: want client/shape/scenario/way, once", name)
		}
		cases[name] = seen{nameOf(name), doc}
	}
	return cases
}

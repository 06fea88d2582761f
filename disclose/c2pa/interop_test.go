package c2pa

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose/c2pa/timestamp"
	"github.com/avowai/avow/disclose/c2pa/timestamp/tsatest"
)

const interopDir = "../../cmd/avow/testdata/interop"

// A verdict is what the official validator says about a file.
type verdict struct {
	File, State, Error              string
	Success, Informational, Failure []string
	Deltas, Assertions              []string
	Manifests                       int
}

// A jury collects files and has them judged by one run of the validator.
type jury struct {
	node, dir string
	files     []string
}

// needValidator skips with what to do where Node or the validator is missing.
func needValidator(t *testing.T) *jury {
	t.Helper()
	const name, version = "@contentauth/c2pa-wasm", "0.13.3"
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("interop: Node.js is not installed; install Node 20 or later to run the official validator")
	}
	var found struct{ Version string }
	if raw, err := os.ReadFile(filepath.Join(interopDir, "node_modules", name, "package.json")); err == nil {
		_ = json.Unmarshal(raw, &found)
	}
	if found.Version != version {
		t.Skipf("interop: %s %s is not installed; run: npm ci --prefix cmd/avow/testdata/interop", name, version)
	}
	return &jury{node: node, dir: t.TempDir()}
}

// add writes a file to be judged.
func (j *jury) add(t *testing.T, name string, data []byte) {
	t.Helper()
	file := filepath.Join(j.dir, strings.ReplaceAll(name, "/", "_"))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	j.files = append(j.files, file)
}

// judge runs the validator over all files.
func (j *jury) judge(t *testing.T, anchors []byte) map[string]verdict {
	t.Helper()
	file := "-"
	if anchors != nil {
		file = filepath.Join(j.dir, "anchors.pem")
		if err := os.WriteFile(file, anchors, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, j.node, append([]string{"c2pa.mjs", file}, j.files...)...)
	cmd.Dir, cmd.Stderr = interopDir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the validator: %v", err)
	}
	var all []verdict
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("the validator printed %.200q: %v", out, err)
	}
	byName := map[string]verdict{}
	for _, v := range all {
		byName[filepath.Base(v.File)] = v
	}
	return byName
}

func certPEM(der ...[]byte) (out []byte) {
	for _, d := range der {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d})...)
	}
	return out
}

// stampWith lets a signer use an authority.
func stampWith(a *tsatest.Authority) func(context.Context, []byte) ([]byte, error) {
	return func(_ context.Context, imprint []byte) ([]byte, error) {
		response, err := a.Stamp(imprint)
		if err != nil {
			return nil, err
		}
		return timestamp.ParseResponse(response, imprint)
	}
}

// TestOfficialValidator signs one file per container and algorithm, every other
// with a time stamp. With the test authorities as anchors each has to be Trusted,
// without them Valid, and nothing may fail but the trust.
func TestOfficialValidator(t *testing.T) {
	if testing.Short() {
		t.Skip("interop: the official validator is left out with -short")
	}
	j := needValidator(t)
	tsa := testTSA(t)
	stamped := map[string]bool{}
	files := samples(t)
	for i, name := range slices.Sorted(maps.Keys(files)) {
		for k, alg := range algorithmNames {
			s := testSigner(t, alg)
			if (i+k)%2 == 1 {
				s.Stamp = stampWith(tsa)
			}
			out, info, err := Sign(t.Context(), files[name].data, fullManifest(), s)
			if err != nil || info.StampErr != nil {
				t.Fatalf("%s %s: %v, time stamp %v", name, alg, err, info.StampErr)
			}
			base := strings.ReplaceAll(name, "/", "_") + "_" + alg + files[name].ext
			stamped[base] = info.Stamped
			j.add(t, base, out)
		}
	}
	anchors := certPEM(testIssuer().cert.Raw, tsa.Root.Raw)
	for base, v := range j.judge(t, anchors) {
		if v.State != "Trusted" || v.Error != "" || len(v.Failure) > 0 || stamped[base] != slices.Contains(v.Success, "timeStamp.trusted") {
			t.Errorf("%s with anchors: %+v", base, v)
		}
	}
	for base, v := range j.judge(t, nil) {
		if v.State != "Valid" || v.Error != "" || !slices.Equal(v.Failure, []string{"signingCredential.untrusted"}) {
			t.Errorf("%s without anchors: %+v", base, v)
		}
	}
	t.Logf("%d files", len(j.files))
}

// TestOfficialValidatorRefuses makes sure that a Valid above means something:
// one changed byte of the content, and one of the signature.
func TestOfficialValidatorRefuses(t *testing.T) {
	j := needValidator(t)
	for name, file := range samples(t) {
		out, info, err := Sign(t.Context(), file.data, fullManifest(), testSigner(t, "Ed25519"))
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(out, info.Store[len(info.Store)-8:])
		if at < 0 {
			t.Fatalf("%s: the store is not in the file", name)
		}
		broken := bytes.Clone(out)
		broken[at] ^= 1
		j.add(t, "signature_"+name+file.ext, broken)
		last := len(file.data) - 3
		broken = bytes.Clone(out)
		if at = bytes.LastIndex(broken, file.data[last-4:last]); at < 0 {
			t.Fatalf("%s: the content is not in the file", name)
		}
		broken[at+3] ^= 1
		j.add(t, "content_"+name+file.ext, broken)
	}
	out, all := chain(t, 2, testSigner(t, "ES256"))
	parent := bytes.Index(out, []byte("prompt_guided")) // in the parent's c2pa.ai-disclosure
	if parent < 0 || parent > bytes.Index(out, []byte(all[1].Label+"\x00")) {
		t.Fatal("the parent is not there")
	}
	out[parent] ^= 1
	j.add(t, "parent.jpg", out)
	for base, v := range j.judge(t, certPEM(testIssuer().cert.Raw)) {
		if base == "parent.jpg" {
			if v.State != "Invalid" || len(v.Deltas) == 0 {
				t.Errorf("%s: %+v, want the parent to be noticed", base, v)
			}
			continue
		}
		want := "claimSignature.mismatch"
		if strings.HasPrefix(base, "content_") {
			want = "assertion." // dataHash or bmffHash
		}
		if v.State != "Invalid" || !slices.ContainsFunc(v.Failure, func(code string) bool { return strings.HasPrefix(code, want) }) {
			t.Errorf("%s: %+v, want %s", base, v, want)
		}
	}
}

// TestOfficialValidatorOfChains wants files with parents and grandparents in
// their stores to be as good as others.
func TestOfficialValidatorOfChains(t *testing.T) {
	j := needValidator(t)
	s := testSigner(t, "ES256")
	for n, ext := range map[int]string{2: ".jpg", 3: ".webp"} {
		out, _ := chain(t, n, s)
		j.add(t, "chain"+strconv.Itoa(n)+ext, out)
	}
	m := fullManifest()
	m.Parent = &Parent{Title: "photo"}
	out, _, err := Sign(t.Context(), samples(t)["png"].data, m, s)
	if err != nil {
		t.Fatal(err)
	}
	j.add(t, "chain1.png", out)
	for base, v := range j.judge(t, certPEM(testIssuer().cert.Raw)) {
		if v.State != "Trusted" || v.Error != "" || len(v.Failure) > 0 || len(v.Deltas) > 0 || "chain"+strconv.Itoa(v.Manifests)+filepath.Ext(base) != base {
			t.Errorf("%s with anchors: %+v", base, v)
		}
	}
	for base, v := range j.judge(t, nil) {
		if v.State != "Valid" || v.Error != "" || !slices.Equal(v.Failure, []string{"signingCredential.untrusted"}) {
			t.Errorf("%s without anchors: %+v", base, v)
		}
	}
}

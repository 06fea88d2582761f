package validate

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// corpusEnv names a folder of public test files: those of c2pa-org's
// public-testfiles and of c2pa-rs by their own names, and the roots of the test
// certificates of c2pa-rs as certs/test_cert_root_bundle.pem. They are not part
// of this repository (CC BY-SA 4.0, MIT/Apache).
const corpusEnv = "AVOW_C2PA_CORPUS"

// corpus is what c2pa-rs 0.91.3 says about the files with the roots as anchors of
// signers: state and failure codes. Without anchors Trusted becomes Valid, and
// signingCredential.untrusted is added. Where it throws, the entry is what this
// package says, with a comment.
var corpus = []struct {
	file     string
	official State
	failures []string
}{
	{"CACA.jpg", Trusted, nil},
	{"adobe-20220124-A.jpg", None, nil},
	{"adobe-20220124-C.jpg", Trusted, nil},
	{"adobe-20220124-CA.jpg", Trusted, nil},
	{"adobe-20220124-CACA.jpg", Trusted, nil},
	{"adobe-20220124-E-dat-CA.jpg", Invalid, []string{dataMismatch}},
	{"adobe-20220124-E-sig-CA.jpg", Invalid, []string{signatureMismatch}},
	{"adobe-20220124-XCA.jpg", Invalid, []string{dataMismatch}},
	{"id3v23_compression_underflow.mp3", None, nil},
	{"libpng-test.png", None, nil},
	{"no_manifest.jpg", None, nil},
	{"riff_bomb_1000.wav", None, nil},
	{"sample1.png", None, nil},
	{"sample1.webp", None, nil},
	{"test_lossless.webp", None, nil},
	{"test_xmp.webp", None, nil},
	// Thrown there: RemoteManifestUrl. Here None, with the address in Remote.
	{"libpng-test_with_url.png", None, nil},
	// Thrown there: InvalidAsset, nested too deeply. Here None, and NotChecked
	// says that the file is malformed.
	{"nested_moov_1000.mp4", None, nil},
	// Thrown there at the first problem: UnknownAlgorithm. Here all of them: no
	// algorithm in claim and hashed URIs, a signature in DER, an exclusion that
	// is not the store, c2pa.created without a source type.
	{"no_alg.jpg", Invalid, []string{algUnsupported, actionMalformed, dataMismatch, signatureMismatch}},
}

func corpusDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv(corpusEnv)
	if dir == "" {
		t.Skip("no public test files: set " + corpusEnv + " to a folder of them")
	}
	return dir
}

func TestCorpus(t *testing.T) {
	dir := corpusDir(t)
	roots := anchors(t, filepath.Join(dir, "certs/test_cert_root_bundle.pem"))
	for _, c := range corpus {
		data, err := os.ReadFile(filepath.Join(dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{Anchors: roots}, {}} {
			r, err := Asset(t.Context(), data, o)
			if err != nil {
				t.Fatal(err)
			}
			want, codes := c.official, slices.Clone(c.failures)
			if o.Anchors == nil && want != None {
				want, codes = min(want, Valid), append(codes, credentialUntrusted)
			}
			got := slices.Compact(slices.Sorted(slices.Values(failures(r))))
			if slices.Sort(codes); r.State != want || !slices.Equal(got, codes) {
				t.Errorf("%s, %d anchors: %v %v, want %v %v", c.file, len(o.Anchors), r.State, got, want, codes)
			}
		}
	}
}

// asSpec are codes of c2pa-rs that the spec of today has other names for.
var asSpec = map[string]string{"signingCredential.expired": signatureOutside}

// TestCorpusAgainstOfficial compares with the official validator itself, on every
// file in the folder: where that throws, nothing may be Valid here.
func TestCorpusAgainstOfficial(t *testing.T) {
	dir := corpusDir(t)
	pemFile := filepath.Join(dir, "certs/test_cert_root_bundle.pem")
	roots, err := os.ReadFile(pemFile)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, ext := range []string{"jpg", "jpeg", "png", "webp", "wav", "mp3", "mp4", "m4a", "heic"} {
		names, _ := filepath.Glob(filepath.Join(dir, "*."+ext))
		for _, name := range names {
			if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, o := range official(t, roots, files) {
		r, err := Asset(t.Context(), files[name], Options{Anchors: anchors(t, pemFile)})
		if err != nil {
			t.Fatal(err)
		}
		if o.Error != "" {
			if r.State >= WellFormed {
				t.Errorf("%s: %v, official %s", name, r.State, o.Error)
			}
			continue
		}
		said := o.says()
		for i, code := range said {
			if other := asSpec[code]; other != "" {
				said[i] = other
			}
		}
		got := slices.Compact(slices.Sorted(slices.Values(failures(r))))
		if slices.Sort(said); r.State.String() != o.State || !slices.Equal(got, said) {
			t.Errorf("%s: %v %v, official %s %v", name, r.State, got, o.State, said)
		}
	}
}

func anchors(t testing.TB, file string) []*x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return certificates(t, data)
}

// certificates reads PEM.
func certificates(t testing.TB, data []byte) (all []*x509.Certificate) {
	t.Helper()
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert)
	}
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

package validate

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/c2pa/timestamp/tsatest"
)

func TestSignedFilesAreTrusted(t *testing.T) {
	for _, stamped := range []bool{false, true} {
		s := newStudio(t, stamped)
		for name, file := range sources(t) {
			r := s.check(t, s.sign(t, file, testManifest()))
			if r.State != Trusted || r.Stamped != stamped || len(failures(r)) > 0 || len(r.NotChecked) > 0 {
				t.Errorf("%s: %v, stamped %v, failures %v, not checked %v", name, r.State, r.Stamped, failures(r), r.NotChecked)
			}
			if stamped && (time.Since(r.Signed) > time.Minute || !strings.Contains(r.StampedBy, "test time stamp authority")) {
				t.Errorf("%s: signed %v by %q", name, r.Signed, r.StampedBy)
			}
			unknown, err := Asset(t.Context(), s.sign(t, file, testManifest()), Options{})
			if err != nil || unknown.State != Valid || !slices.Equal(failures(unknown), []string{credentialUntrusted}) {
				t.Errorf("%s without anchors: %v %v", name, unknown.State, failures(unknown))
			}
			if r := s.check(t, file); r.State != None || r.Active != nil {
				t.Errorf("%s unsigned: %v", name, r.State)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	s := newStudio(t, false)
	got := *s.check(t, s.sign(t, testPNG(t, 24, 18), testManifest())).Active
	want := Summary{
		Label: got.Label, Title: "cat", Generator: "avow 1", InstanceID: got.InstanceID,
		Actions: []Action{
			{Name: "c2pa.created", SourceType: c2pa.TrainedAlgorithmicMedia, SoftwareAgent: "painter 3"},
			{Name: "c2pa.watermarked.bound", SoftwareAgent: got.Actions[1].SoftwareAgent},
		},
		SoftBindings:   []SoftBinding{{"com.example.mark.1", []byte{1, 2, 3, 4, 5, 6, 7, 8}}},
		Disclosure:     &Disclosure{"c2pa.types.model", "painter", "https://example.com/painter", "prompt_guided"},
		TrainingMining: map[string]string{"cawg.ai_inference": "notAllowed"},
	}
	if !strings.HasPrefix(got.Label, "urn:c2pa:") || got.InstanceID == "" || !reflect.DeepEqual(got, want) {
		t.Fatalf("summary = %+v, want %+v", got, want)
	}
}

func TestDevelopmentSignerIsNamed(t *testing.T) {
	root, leaf, key, err := c2pa.NewDevelopment(time.Now(), "Example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := c2pa.LoadSigner(leaf, key)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := c2pa.Sign(t.Context(), testPNG(t, 24, 18), testManifest(), signer)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Anchors: certificates(t, root)}
	r, err := Asset(t.Context(), out, o)
	if err != nil || r.State != Trusted || !r.Signer.Development || !strings.Contains(r.Signer.Name, "Example") || r.Signer.NotAfter.Before(time.Now()) {
		t.Fatalf("%v, signer %+v, %v", r.State, r.Signer, err)
	}
	if r := check(t, newForge().sign(t, testPNG(t, 24, 18))); r.Signer.Development {
		t.Fatalf("%+v is no development signer", r.Signer)
	}
}

// TestSignedParent signs a file that was signed before, with what the validation
// of the first said as its record.
func TestSignedParent(t *testing.T) {
	s := newStudio(t, false)
	first := s.sign(t, testPNG(t, 24, 18), testManifest())
	found, err := container.Find(first)
	if err != nil {
		t.Fatal(err)
	}
	m := testManifest()
	m.SourceType = ""
	m.Parent = &c2pa.Parent{Store: found.Store, Results: &c2pa.ValidationResults{}, Title: "old"}
	r := s.check(t, s.sign(t, first, m))
	if r.State != Trusted || len(r.Active.Ingredients) != 1 {
		t.Fatalf("%v %v %+v", r.State, failures(r), r.Active)
	}
	want := Ingredient{Relation: "parentOf", Title: "old", Label: r.Active.Ingredients[0].Label, State: Trusted}
	if got := r.Active.Ingredients[0]; got != want || got.Label == r.Active.Label {
		t.Fatalf("ingredient %+v, want %+v", got, want)
	}
	unknown, err := Asset(t.Context(), s.sign(t, first, m), Options{})
	if err != nil || unknown.State != Valid || unknown.Active.Ingredients[0].State != Valid {
		t.Fatalf("without anchors: %v, ingredient %+v, %v", unknown.State, unknown.Active.Ingredients, err)
	}
}

func TestDetached(t *testing.T) {
	s, content := newStudio(t, false), []byte("{\"answer\": 42}")
	store, _, err := c2pa.SignDetached(t.Context(), content, testManifest(), s.signer)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    State
	}{{"same", content, Trusted}, {"changed", []byte("{\"answer\": 43}"), Invalid}, {"longer", append(bytes.Clone(content), ' '), Invalid}, {"empty", nil, Invalid}} {
		r, err := Detached(t.Context(), store, c.content, s.o)
		if err != nil || r.State != c.want {
			t.Errorf("%s: %v %v, want %v", c.name, r.State, err, c.want)
		}
	}
	if r, err := Detached(t.Context(), nil, content, s.o); err != nil || r.State != None {
		t.Errorf("no store: %v, %v", r.State, err)
	}
}

// TestExclusionsOfDetachedStores: what the hash leaves out must be what the
// caller says is the store, in HTML as it stands and in text in NFC.
func TestExclusionsOfDetachedStores(t *testing.T) {
	html := []byte("<html><script type=application/c2pa>" + base64.StdEncoding.EncodeToString([]byte("store")) + "</script>e\u0301</html>")
	at := bytes.Index(html, []byte("<script"))
	inside := []container.Range{{Start: int64(at), Length: int64(bytes.Index(html, []byte("</script>")) + 9 - at)}}
	rest := slices.Concat(html[:at], html[inside[0].End():])
	store := func(text []byte) []byte {
		sum := sha256.Sum256(text)
		return newForge().build(sum[:], inside)
	}
	for _, c := range []struct {
		name  string
		store []byte
		o     Options
		want  State
	}{
		{"HTML", store(rest), Options{Exclude: inside}, Trusted},
		{"text", store(norm.NFC.Bytes(rest)), Options{Exclude: inside, Text: true}, Trusted},
		{"text that is no NFC", store(norm.NFC.Bytes(rest)), Options{Exclude: inside}, Invalid},
		{"store elsewhere", store(rest), Options{Exclude: []container.Range{{Start: inside[0].Start, Length: inside[0].Length - 1}}}, Invalid},
		{"store nowhere", store(rest), Options{}, Invalid},
	} {
		c.o.Roots = pool()
		r, err := Detached(t.Context(), c.store, html, c.o)
		if err != nil || r.State != c.want {
			t.Errorf("%s: %v %v %v, want %v", c.name, r.State, failures(r), err, c.want)
		}
	}
}

// TestBadTimeStamps: each costs the time stamp, none the state.
func TestBadTimeStamps(t *testing.T) {
	good := newStudio(t, true)
	signed := func(change func(*tsatest.Parts)) []byte {
		good.tsa.Change = change
		defer func() { good.tsa.Change = nil }()
		return good.sign(t, wavFile(99), testManifest())
	}
	for _, c := range []struct {
		name string
		file []byte
		o    Options
		code string
	}{
		{"unknown authority", signed(nil), Options{Roots: pool()}, stampUntrusted},
		{"anchors of signers are none of authorities", signed(nil), Options{Roots: good.o.TSARoots}, stampUntrusted},
		{"token changed", corrupt(signed(nil)), good.o, ""},
	} {
		r, err := Asset(t.Context(), c.file, c.o)
		if err != nil {
			t.Fatal(err)
		}
		has := slices.ContainsFunc(r.Statuses, func(s Status) bool { return s.Kind == Informational && s.Code == c.code })
		if r.State < Valid || r.Stamped || c.code != "" && !has {
			t.Errorf("%s: %v, stamped %v, %v", c.name, r.State, r.Stamped, r.Statuses)
		}
	}
}

// corrupt changes a byte of a time stamp.
func corrupt(file []byte) []byte {
	at := bytes.Index(file, []byte("itstTokens"))
	file[at+400] ^= 1
	return file
}

// TestExpiredCertificateNeedsAStamp: signed yesterday, judged in a year.
func TestExpiredCertificateNeedsAStamp(t *testing.T) {
	for _, stamped := range []bool{false, true} {
		s := newStudio(t, stamped)
		file := s.sign(t, testPNG(t, 24, 18), testManifest())
		s.o.At = time.Now().Add(48 * time.Hour)
		r := s.check(t, file)
		if want := map[bool]State{false: Invalid, true: Trusted}[stamped]; r.State != want {
			t.Errorf("stamped %v: %v %v, want %v", stamped, r.State, failures(r), want)
		}
	}
}

func TestAllowedSignerNeedsNoChain(t *testing.T) {
	file := newForge().sign(t, testPNG(t, 24, 18))
	leaf := certificates(t, certPEM(testCA().leaf))
	for _, c := range []struct {
		o    Options
		want State
	}{{Options{Allowed: leaf}, Trusted}, {Options{Anchors: leaf}, Trusted}, {Options{Anchors: certificates(t, certPEM(testCA().root.Raw))}, Trusted}, {Options{}, Valid}} {
		if r, err := Asset(t.Context(), file, c.o); err != nil || r.State != c.want {
			t.Errorf("%+v: %v %v, want %v", c.o, r.State, err, c.want)
		}
	}
}

// TestTimeStampAssertion: a later manifest brings the time stamp of its parent,
// in each reading of what it stands over.
func TestTimeStampAssertion(t *testing.T) {
	s := newStudio(t, true)
	parent := parentBox(t, nil)
	sig, err := parseSignature(parent.Children[2].Children[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range append(lateContents(sig.msg), []byte("something else")) {
		imprint := sha256.Sum256(content)
		token, err := s.signer.Stamp(t.Context(), imprint[:])
		if err != nil {
			t.Fatal(err)
		}
		f := withParent(parent, parent)
		f.assertions = append(f.assertions, part{label: "c2pa.time-stamp", content: map[string]any{parentLabel: token}})
		r := s.check(t, f.sign(t, testPNG(t, 24, 18)))
		trusted := slices.ContainsFunc(r.Statuses, func(s Status) bool { return s.Code == stampTrusted && strings.Contains(s.URL, parentLabel) })
		if r.State != Trusted || trusted != (i < 3) || r.Stamped {
			t.Errorf("content %d: %v, parent stamped %v, active stamped %v: %v", i, r.State, trusted, r.Stamped, failures(r))
		}
	}
	f := withParent(parent, parent)
	f.assertions = append(f.assertions, part{label: "c2pa.time-stamp", content: map[string]any{}})
	if r := s.check(t, f.sign(t, testPNG(t, 24, 18))); r.State != Invalid || !slices.Equal(failures(r), []string{stampAssertion}) {
		t.Errorf("no tokens: %v %v", r.State, failures(r))
	}
}

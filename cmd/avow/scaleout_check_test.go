package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// checkRecords: what a client got whole has its rows, in the ledger that all share;
// what was cut has none that says it was whole. After the kill no request failed.
func (f *fleet) checkRecords(t *testing.T, outputs []output) {
	recorded := f.export(t)
	count := map[string]int{}
	for _, o := range outputs {
		switch {
		case o.whole():
			count[o.kind]++
			if len(o.ids()) == 0 {
				t.Errorf("a whole %s of %s without Avow-Id: %v", o.kind, o.member, o.header)
			}
			for _, id := range o.ids() {
				if recorded[id] == "" {
					t.Errorf("the %s %s of %s came whole and has no record", o.kind, id, o.member)
				}
			}
		case o.after:
			t.Errorf("a %s asked after the kill: %d, %v", o.kind, o.status, o.err)
		default:
			count["cut "+o.kind]++
			for _, id := range o.ids() {
				if o.err != nil && recorded[id] == "marked" && o.kind != "picture" {
					t.Errorf("the %s %s of %s was cut and is recorded as whole", o.kind, id, o.member)
				}
			}
		}
	}
	t.Logf("answers: %v", count)
	for _, kind := range []string{"chat", "stream", "picture", "slow", "cut slow"} {
		if count[kind] == 0 {
			t.Errorf("no answer of kind %q", kind)
		}
	}
}

// export returns the outcome of every record by its id.
func (f *fleet) export(t *testing.T) map[string]string {
	t.Helper()
	recorded := map[string]string{}
	for line := range strings.Lines(f.run("ledger", "export", "--config", f.conf)) {
		var row struct{ Record struct{ ID, Outcome string } }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if row.Record.ID != "" {
			recorded[row.Record.ID] = row.Record.Outcome
		}
	}
	return recorded
}

// checkChains: each process has a chain of its own, also after it came back, and
// all of them verify.
func (f *fleet) checkChains(t *testing.T) {
	var v struct {
		Rows     int
		Problems []string
		Chains   []struct {
			Writer      string
			First, Last int64
		}
	}
	if err := json.Unmarshal([]byte(f.run("ledger", "verify", "--json", "--config", f.conf)), &v); err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, c := range v.Chains {
		if c.Last > 0 {
			written++
		}
	}
	if len(v.Problems) > 0 || v.Rows == 0 || written < 3 {
		t.Errorf("want three chains or more, and no problem: %+v", v)
	}
}

// checkPictures: every picture is known to the process that did not mark it, and
// what that one signs is checked with the keys that the other publishes.
func (f *fleet) checkPictures(t *testing.T, outputs []output) {
	n := 0
	for _, o := range outputs {
		if o.kind != "picture" || !o.whole() {
			continue
		}
		n++
		marker := f.members[0]
		if o.member == f.members[1].public {
			marker = f.members[1]
		}
		if err := f.vouch(f.other(marker), marker, o); err != nil {
			t.Errorf("the picture %v of %s: %v", o.ids(), marker.name, err)
		}
	}
	t.Logf("%d pictures verified through the other process", n)
}

// vouch asks one process for a signed report on a picture, and checks it with the
// keys of another.
func (f *fleet) vouch(asked, keys *member, o output) error {
	picture, err := pictureOf(o)
	if err != nil {
		return err
	}
	r := f.ask("POST", "http://"+asked.public+"/avow/v1/verify", picture, "Content-Type", "image/png", "Accept", "application/jose")
	if r.err != nil || r.status != 200 {
		return fmt.Errorf("%d %s %w", r.status, r.body, r.err)
	}
	payload, err := opened(string(r.body), f.signingKeys(keys))
	if err != nil {
		return err
	}
	var report struct{ Verdict, Reason, SHA256 string }
	if err := json.Unmarshal(payload, &report); err != nil {
		return err
	}
	sum := sha256.Sum256(picture)
	if report.Verdict != "verified" || report.Reason != "record_matches" || report.SHA256 != hex.EncodeToString(sum[:]) {
		return fmt.Errorf("%s says %+v", asked.name, report)
	}
	return nil
}

func pictureOf(o output) ([]byte, error) {
	var answer struct {
		Data []struct {
			Picture []byte `json:"b64_json"`
		}
	}
	if err := json.Unmarshal(o.body, &answer); err != nil || len(answer.Data) != 1 {
		return nil, fmt.Errorf("%d pictures, %w", len(answer.Data), err)
	}
	return answer.Data[0].Picture, nil
}

// signingKeys are the keys that a member publishes, by their ids.
func (f *fleet) signingKeys(m *member) map[string]ed25519.PublicKey {
	var doc struct {
		Keys []struct{ KID, X string } `json:"signing_keys"`
	}
	_ = json.Unmarshal(f.ask("GET", "http://"+m.public+"/.well-known/ai-disclosure.json", nil).body, &doc)
	out := map[string]ed25519.PublicKey{}
	for _, k := range doc.Keys {
		if x, err := base64.RawURLEncoding.DecodeString(k.X); err == nil && len(x) == ed25519.PublicKeySize {
			out[k.KID] = x
		}
	}
	return out
}

// opened checks a JSON Web Signature and returns its payload.
func opened(jws string, keys map[string]ed25519.PublicKey) ([]byte, error) {
	parts := strings.Split(strings.TrimSpace(jws), ".")
	if len(parts) != 3 {
		return nil, errors.New("not a JWS")
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(p); err != nil {
			return nil, err
		}
	}
	var head struct{ KID string }
	if err := json.Unmarshal(raw[0], &head); err != nil {
		return nil, err
	}
	key := keys[head.KID]
	if key == nil || !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), raw[2]) {
		return nil, fmt.Errorf("not signed by one of %d published keys", len(keys))
	}
	return raw[1], nil
}

// checkManifests: both processes serve the manifest of every whole answer by its id,
// those that pictures hold as the same bytes.
func (f *fleet) checkManifests(t *testing.T, outputs []output) {
	checked := map[string]int{}
	for _, o := range outputs {
		ids := o.ids()
		if !o.whole() || len(ids) == 0 || checked[o.kind] >= 6 && o.kind != "picture" {
			continue
		}
		id := ids[len(ids)-1] // a picture's own
		var stores [][]byte
		for _, m := range f.members {
			r := f.ask("GET", "http://"+m.public+"/avow/v1/manifests/"+id, nil)
			if r.err != nil || r.status != 200 || !bytes.Contains(r.body, []byte("c2pa")) {
				t.Errorf("%s has no manifest of the %s %s of %s: %d, %v", m.name, o.kind, id, o.member, r.status, r.err)
			}
			stores = append(stores, r.body)
		}
		if o.kind == "picture" && !bytes.Equal(stores[0], stores[1]) {
			t.Errorf("the members serve different manifests of the picture %s", id)
		}
		checked[o.kind]++
	}
	kinds := []string{}
	for kind := range checked {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	if !slices.Equal(kinds, []string{"chat", "picture", "slow", "stream"}) {
		t.Errorf("manifests of %v were checked", checked)
	}
}

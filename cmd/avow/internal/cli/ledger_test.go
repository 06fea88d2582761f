package cli

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/ledger"
)

func TestLedgerWhileTheDemoRuns(t *testing.T) {
	h := newHome(t)
	h.run("ledger", "verify").want(exitTrouble, "", "there is no ledger")
	text := startDemo(t)
	commands := curlCommand.FindAllStringSubmatch(text, -1)
	head, body := printed{commands[0][1], commands[0][2]}.send(t)
	id := head.Get("Avow-Id")
	h.write("answer.sse", body)
	h.run("verify", "answer.sse").want(exitOK, "", "")
	h.run("ledger", "verify").want(exitOK, "1 rows: intact", "")
	var v ledger.Verification
	if r := h.run("ledger", "verify", "--json").want(exitOK, "", ""); json.Unmarshal([]byte(r.out), &v) != nil || v.Rows != 1 || len(v.Chains) != 1 {
		t.Errorf("%s", r.out)
	}
	h.run("ledger", "export").want(exitOK, `"id":"`+id+`"`, "")
	h.run("ledger", "forget", id).want(exitOK, "", "are erased")
	h.run("ledger", "forget", "ffffffffffffffff").want(exitTrouble, "", "no output of this id")
	h.run("ledger", "forget", "xyz").want(exitTrouble, "", "for example")
	r := h.run("ledger", "export").want(exitOK, `"erased":true`, "")
	for _, secret := range []string{"lighthouse", "127.0.0.1"} { // neither prompt nor address
		if strings.Contains(r.out, secret) {
			t.Errorf("the export holds %q:\n%s", secret, r.out)
		}
	}
	h.run("ledger", "verify").want(exitOK, "intact", "")
	req, err := http.NewRequest("GET", strings.Replace(metricsURL.FindStringSubmatch(text)[1], "metrics", "readyz", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, body := answerTo(t, req); string(body) != "ok\n" {
		t.Errorf("readyz: %q", body)
	}
}

func TestLedgerOfMarkedFiles(t *testing.T) {
	h := newHome(t)
	h.write("in.txt", []byte("A short text about lighthouses."))
	path := filepath.Join(h.dir, "data", ledgerFile)
	h.run("mark", "in.txt").want(exitOK, "", "")
	h.run("verify", "in.avow.txt")
	if _, err := os.Stat(path); err == nil {
		t.Fatal("marking or verifying a file made a ledger")
	}
	l, err := ledger.Open(t.Context(), ledger.Options{File: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h.run("mark", "--force", "--id", "9f3c52d07ab1e644", "in.txt").want(exitOK, "", "")
	h.run("ledger", "export").want(exitOK, `"id":"9f3c52d07ab1e644"`, "")
	r := h.run("ledger", "verify").want(exitOK, "1 signed heads", "")
	_, link, _ := strings.Cut(r.out, "ends in ")
	link, _, _ = strings.Cut(link, "\n")
	h.run("ledger", "verify", "--kept", link).want(exitOK, "intact", "")
	h.run("ledger", "verify", "--kept", strings.Repeat("0", 64)).want(exitNo, "in no chain", "")
	h.run("ledger", "verify", "--kept", "0").want(exitTrouble, "", "not a link")
	h.write("off.yaml", []byte("ledger: {url: off}\n"))
	h.run("ledger", "verify", "--config", "off.yaml").want(exitTrouble, "", "there is no ledger")

	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE avow_records SET at = at + 1 WHERE kind = 0`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r = h.run("ledger", "verify").want(exitNo, "row 1: ", "")
	if !strings.Contains(r.out, "not intact") {
		t.Errorf("%s", r.out)
	}
	h.run("ledger", "verify", "--json").want(exitNo, `"problems": [`, "")
}

func TestLedgerThatCannotBeRead(t *testing.T) {
	h := newHome(t)
	h.write("data/ledger.db", []byte("this is no database, it is a text of some length, and nothing else"))
	h.run("ledger", "verify").want(exitTrouble, "", "ledger.db")
	h.write("pg.yaml", []byte("ledger: {url: \"postgres://u:hunter2@127.0.0.1:1/avow?connect_timeout=1\"}\n"))
	r := h.run("ledger", "verify", "--config", "pg.yaml").want(exitTrouble, "", "see to it that the database runs")
	if strings.Contains(r.err, "hunter2") {
		t.Errorf("the error repeats a password: %s", r.err)
	}
}

func TestReadyzTellsOfTheLedger(t *testing.T) {
	l, err := ledger.Open(t.Context(), ledger.Options{File: filepath.Join(t.TempDir(), ledgerFile)})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(s *service, p disclose.Profile) (int, string) {
		w := httptest.NewRecorder()
		s.current.Store(&generation{profile: p})
		s.ready(w, nil)
		return w.Code, w.Body.String()
	}
	for _, s := range []*service{{}, {ledger: l}} {
		if code, text := ask(s, disclose.Strict); code != http.StatusOK || text != "ok\n" {
			t.Errorf("%d %q", code, text)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[disclose.Profile]int{disclose.Strict: http.StatusServiceUnavailable, disclose.Standard: http.StatusOK} {
		if code, text := ask(&service{ledger: l}, p); code != want || !strings.Contains(text, "cannot be written") {
			t.Errorf("%v: %d %q", p, code, text)
		}
	}
}

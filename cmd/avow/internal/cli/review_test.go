package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/disclose/c2pa"
)

// TestMarkWithAConfiguration: files are signed as the proxy would sign them, not
// with a development certificate beside the operator's own.
func TestMarkWithAConfiguration(t *testing.T) {
	h := newHome(t)
	root, leaf, key, err := c2pa.NewDevelopment(time.Now(), "Example GmbH")
	if err != nil {
		t.Fatal(err)
	}
	h.write("root.pem", root)
	h.write("chain.pem", leaf)
	h.write("key.pem", key)
	h.write("in.png", picture(320))
	h.write("avow.yaml", []byte("provider: Example GmbH\nsystem: painter\nsigner: {chain: chain.pem, key: key.pem}\n"))
	h.run("mark", "--config", "avow.yaml", "in.png").want(0, "", "marked")
	r := reportOf(t, h.run("verify", "--json", "--roots", "root.pem", "in.avow.png"))
	if f := r.Findings[disclose.CarrierManifest]; f.Status != disclose.Verified || !strings.Contains(f.Detail, "signed by Example GmbH") || !strings.Contains(f.Detail, "painter") {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(filepath.Join("data", "signer.pem")); !os.IsNotExist(err) {
		t.Errorf("a development certificate was made: %v", err)
	}
	h.write("off.yaml", []byte("carriers: {manifest: false}\n"))
	h.run("mark", "--config", "off.yaml", "-o", "off.png", "in.png").want(0, "", "marked")
	r = reportOf(t, h.run("verify", "--json", "off.png"))
	if f := r.Findings[disclose.CarrierManifest]; f.Status != disclose.Absent {
		t.Errorf("switched off: %+v", f)
	}
	h.write("half.yaml", []byte("signer: {key: key.pem}\n"))
	h.run("mark", "--config", "half.yaml", "--force", "in.png").want(2, "", "chain and key go together")
}

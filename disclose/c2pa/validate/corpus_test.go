package validate

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestDev(t *testing.T) {
	dir := os.Getenv("C2PA_CORPUS")
	if dir == "" {
		t.Skip()
	}
	roots := anchorsOf(t, filepath.Join(dir, "certs/test_cert_root_bundle.pem"))
	files, _ := filepath.Glob(filepath.Join(dir, "*.*"))
	for _, f := range files {
		data, _ := os.ReadFile(f)
		r, err := Asset(context.Background(), data, Options{Anchors: roots})
		if err != nil {
			fmt.Println(filepath.Base(f), err)
			continue
		}
		fmt.Println(filepath.Base(f), r.State, r.NotChecked, r.Remote, r.Signer.Name, r.Signer.Development, r.Signed, r.Stamped, r.StampedBy)
		for _, s := range r.Statuses {
			fmt.Println("     ", s.Kind, s.Code, s.URL, "|", s.Explanation, "|", s.Ingredient)
		}
		if r.Active != nil {
			fmt.Printf("   %+v\n", *r.Active)
		}
	}
}

func anchorsOf(t *testing.T, path string) (all []*x509.Certificate) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return all
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert)
	}
}

package extproc

import (
	"os"
	"path/filepath"
	"testing"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	mode "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/encoding/protojson"
)

// The example reads into Envoy's own types, every name in it known, passes their
// checks, and fails closed.
func TestExampleConfiguration(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "deploy", "envoy", "envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	var b bootstrap.Bootstrap
	if err := protojson.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	if err := b.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	var manager hcm.HttpConnectionManager
	filter := b.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0]
	if err := filter.GetTypedConfig().UnmarshalTo(&manager); err != nil {
		t.Fatal(err)
	}
	var proc mode.ExternalProcessor
	if err := manager.GetHttpFilters()[0].GetTypedConfig().UnmarshalTo(&proc); err != nil {
		t.Fatal(err)
	}
	for _, v := range []interface{ ValidateAll() error }{&manager, &proc} {
		if err := v.ValidateAll(); err != nil {
			t.Fatal(err)
		}
	}
	if p := proc.GetProcessingMode(); proc.GetFailureModeAllow() || p.GetResponseBodyMode() != duplex ||
		p.GetResponseTrailerMode() != mode.ProcessingMode_SEND || proc.GetMessageTimeout().GetSeconds() < 5 {
		t.Fatalf("the example does not fail closed, or does not hold what has to be held: %v", &proc)
	}
}

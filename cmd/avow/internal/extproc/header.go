package extproc

import (
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
)

// headerOf converts a message's fields; pseudo holds those that begin with a colon.
func headerOf(m *corev3.HeaderMap) (h http.Header, pseudo map[string]string) {
	h, pseudo = http.Header{}, map[string]string{}
	for _, f := range m.GetHeaders() {
		value := f.GetValue()
		if raw := f.GetRawValue(); len(raw) > 0 {
			value = string(raw)
		}
		if strings.HasPrefix(f.GetKey(), ":") {
			pseudo[f.GetKey()] = value
			continue
		}
		h.Add(f.GetKey(), value)
	}
	return h, pseudo
}

// framing are the fields that are Envoy's alone: it frames bodies by itself.
var framing = map[string]bool{"Transfer-Encoding": true, "Connection": true, "Keep-Alive": true, "Upgrade": true,
	"Te": true, "Proxy-Connection": true, "Host": true}

// mutation says how to get from one header to another; nil for no change. A
// Content-Length is removed where it changes, never set: Envoy counts.
func mutation(from, to http.Header) *pb.HeaderMutation {
	m := &pb.HeaderMutation{}
	for name, values := range to {
		if framing[name] || name == "Content-Length" || slices.Equal(values, from[name]) {
			continue
		}
		m.SetHeaders = append(m.SetHeaders, fields(name, values)...)
	}
	for name, values := range from {
		_, kept := to[name]
		if name == "Content-Length" {
			kept = slices.Equal(values, to[name])
		}
		if !kept && !framing[name] {
			m.RemoveHeaders = append(m.RemoveHeaders, strings.ToLower(name))
		}
	}
	if len(m.SetHeaders)+len(m.RemoveHeaders) == 0 {
		return nil
	}
	return m
}

// fields replaces what is there by the first value and appends the rest.
func fields(name string, values []string) []*corev3.HeaderValueOption {
	var out []*corev3.HeaderValueOption
	action := corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
	for _, v := range values {
		out = append(out, &corev3.HeaderValueOption{
			Header:       &corev3.HeaderValue{Key: strings.ToLower(name), RawValue: []byte(v)},
			AppendAction: action,
		})
		action = corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD
	}
	return out
}

// provisional marks the header of an answer in STREAMED mode whose body has to be
// held: should Envoy not hold it, the answer still says what it is.
func provisional() *pb.HeaderMutation {
	return &pb.HeaderMutation{
		SetHeaders:    fields("Ai-Disclosure", []string{"mode=machine-generated"}),
		RemoveHeaders: []string{"content-length"},
	}
}

// early is what changes in a request whose body is read before the rest is known.
func early(from http.Header) *pb.HeaderMutation {
	to := from.Clone()
	for _, name := range []string{"Range", "If-Range"} {
		to.Del(name)
	}
	to.Set("Accept-Encoding", "identity")
	return mutation(from, to)
}

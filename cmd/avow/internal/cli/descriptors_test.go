package cli

import (
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
)

func TestMostAnswers(t *testing.T) {
	for descriptors, want := range map[uint64]int64{0: 16, 100: 16, 288: 16, 290: 17, 1024: 384, 65536: 32640, math.MaxUint64: 1<<39 - 128} {
		if got := mostAnswers(descriptors); got != want {
			t.Errorf("mostAnswers(%d) = %d, want %d", descriptors, got, want)
		}
	}
}

// TestTooManyAnswers: beyond the limit requests are refused, the streams in progress
// go on, and there is room again once one has ended.
func TestTooManyAnswers(t *testing.T) {
	st := newStage(t, 0, longEnough)
	st.servers.counters["127.0.0.1:0"].most.Store(2)
	_, one := st.begin()
	st.begin()
	resp, err := http.Get(st.public + "/anything")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "5" || !resp.Close || !strings.Contains(string(body), "/problems/busy") {
		t.Errorf("%d %v %s %v", resp.StatusCode, resp.Header, body, err)
	}
	if got := st.readiness(); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
	close(st.last)
	if rest, err := io.ReadAll(one); err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	st.eventually("room for another answer", func() bool {
		resp, err := http.Get(st.public + "/anything")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	st.stop()
	st.wait()
}

package disclose

import (
	"strings"
	"testing"

	"github.com/avowai/avow/watermark/tokenmark"
)

// These ids were drawn by vLLM's own sampler with the key 42, see
// watermark/tokenmark.
const markedIDs = `46,24,45,80,14,26,22,124,21,45,16,30,5,89,0,10,27,70,80,62,1,11,` +
	`117,53,10,45,94,37,43,22,78,49,119,9,22,118,82,75,32,24,84,27,122`

func TestInspectTokenIDs(t *testing.T) {
	with := DetectorOptions{TokenProfiles: []tokenmark.Profile{{Key: tokenmark.NewKey(42)}, {Key: tokenmark.NewKey(7)}}}
	half := strings.Index(markedIDs, ",62,")
	for name, c := range map[string]struct {
		o      DetectorOptions
		ct     string
		text   string
		status Status
	}{
		"whole":   {with, "application/json", `{"prompt_token_ids":[1,2],"choices":[{"index":0,"message":{"content":"x"},"token_ids":[` + markedIDs + `]}]}`, Verified},
		"stream":  {with, "text/event-stream", `data: {"choices":[{"index":0,"delta":{"content":"x"},"token_ids":[` + markedIDs[:half] + "]}]}\n\ndata: {\"choices\":[{\"token_ids\":[" + markedIDs[half+1:] + "],\"index\":0}]}\n\ndata: [DONE]\n\n", Verified},
		"bare":    {with, "application/json", `[` + markedIDs + `]`, Verified},
		"sglang":  {with, "application/json", `{"text":"x","output_ids":[` + markedIDs + `]}`, Verified},
		"other":   {DetectorOptions{TokenProfiles: with.TokenProfiles[1:]}, "application/json", `[` + markedIDs + `]`, Absent},
		"short":   {with, "application/json", `[46,24,45]`, Absent},
		"no ids":  {with, "application/json", `{"choices":[{"message":{"content":"x"}}]}`, NotChecked},
		"no keys": {DetectorOptions{}, "application/json", `[` + markedIDs + `]`, NotChecked},
		"not ids": {with, "application/json", `{"choices":[{"token_ids":[1.5,"x"]}]}`, NotChecked},
	} {
		r := mustInspect(t, c.o, []byte(c.text), Source{ContentType: c.ct})
		f := finding(r, CarrierTokenMark)
		if f.Status != c.status || (c.status == Verified) != (r.Verdict == Verified) {
			t.Errorf("%s: %s %+v", name, r.Verdict, f)
		}
	}
	if _, err := NewDetector(DetectorOptions{TokenProfiles: make([]tokenmark.Profile, 1)}); err == nil {
		t.Error("a profile without a key was accepted")
	}
}

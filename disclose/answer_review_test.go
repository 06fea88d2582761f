package disclose

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark"
	"github.com/avowai/avow/watermark/textmark"
)

// TestRecordOfAResponseIsNotItsPicture: a stored answer is found by the label it
// had, not by that of a picture inside it.
func TestRecordOfAResponseIsNotItsPicture(t *testing.T) {
	records := NewMemoryRecords(10)
	m := newTestMarker(t, func(o *Options) { o.Key, o.Records = newTestKey(t), records })
	picture := `{"type":"image_generation_call","result":"` + b64(testPNG(t, 256, 256, 1)) + `"}`
	stream := "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"output\":[]}}\n\n" +
		"data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":" + picture + "}\n\n"
	if _, _, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIResponses}, stream, 0); err != nil {
		t.Fatal(err)
	}
	r, err := records.ByResponse(context.Background(), "resp_1")
	if err != nil || r.Label.ID != testID || r.MediaType != "text/event-stream" {
		t.Fatalf("record of resp_1: %v, %s of %s", err, r.Label.ID, r.MediaType)
	}
	out := Output{ContentType: "application/json", Shape: ShapeOpenAIResponses, Stored: true}
	_, w, err := mark(t, m, out, `{"id":"resp_1","object":"response","output":[`+picture+","+picture+`]}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range w.Result().IDs {
		if _, err := records.ByID(context.Background(), id); err != nil {
			t.Errorf("picture %s of the stored answer: %v", id, err)
		}
	}
	if r, _ := records.ByResponse(context.Background(), "resp_1"); r.Label.ID != testID || r.MediaType != "text/event-stream" {
		t.Errorf("the record was replaced by that of the second reading")
	}
}

// TestManyPicturesAreRefusedOrCounted: their number is an upstream's choice.
func TestManyPicturesAreRefusedOrCounted(t *testing.T) {
	body := `{"images":["` + strings.Repeat(`AAAA","`, 200_000) + `AAAA"]}`
	for _, profile := range []Profile{Strict, Standard} {
		m := newTestMarker(t, func(o *Options) { o.Key, o.Profile = newTestKey(t), profile })
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeA1111}, body, 0)
		runtime.ReadMemStats(&after)
		if (err == nil) != (profile == Standard) || !strings.Contains(fmt.Sprint(w.Result().Skipped), "too_large") {
			t.Errorf("%v: %v, skipped %v, %d bytes", profile, err, w.Result().Skipped, len(got))
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 100<<20 {
			t.Errorf("%v: %d MiB for an answer of %d", profile, used>>20, len(body)>>20)
		}
	}
}

// TestManyPicturesDoNotFillTheQueue: one answer's pictures wait for each other.
func TestManyPicturesDoNotFillTheQueue(t *testing.T) {
	one := b64(testPNG(t, 64, 64, 1))
	m := newTestMarker(t, func(o *Options) { o.Key, o.Queue, o.Jobs = newTestKey(t), 1, 1 })
	body := `{"images":["` + strings.Repeat(one+`","`, 7) + one + `"]}`
	if _, w, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeA1111}, body, 0); err != nil {
		t.Errorf("%v %v", err, w.Result().Skipped)
	}
}

// TestPicturesInOtherPlaces: also there none leaves unmarked without a count.
func TestPicturesInOtherPlaces(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	for name, c := range map[string]struct {
		out  Output
		text string
	}{
		"ui, by URL": {Output{ContentType: "text/event-stream", Shape: ShapeUIMessage},
			"data: {\"type\":\"start\"}\n\ndata: {\"type\":\"file\",\"mediaType\":\"image/png\",\"url\":\"https://cdn.example/a.png\"}\n\n"},
		"ui, other spelling": {Output{ContentType: "text/event-stream", Shape: ShapeUIMessage},
			"data: {\"type\":\"start\"}\n\ndata: {\"type\":\"file\",\"url\":\"DATA:image/png;base64,AAAA\",\"mediaType\":\"image/png\"}\n\n"},
		"chat, in parts": {Output{ContentType: "application/json", Shape: ShapeOpenAIChat},
			`{"choices":[{"message":{"content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}}]}`},
		"chat, bare": {Output{ContentType: "application/json", Shape: ShapeOpenAIChat},
			`{"choices":[{"message":{"content":[{"image_url":"https://cdn.example/a.png","type":"image_url"}]}}]}`},
		"gemini, late": {Output{ContentType: "text/event-stream", Shape: ShapeGeminiStream, Turn: LaterTurn, NoFrames: ReasonOffsets},
			"data: {\"candidates\":[]}\n\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"file_data\":{\"mime_type\":\"image/png\"}}]}}]}\n\n"},
		"mcp, resource": {Output{ContentType: "application/json", Shape: ShapeMCP},
			`{"result":{"content":[{"type":"resource","resource":{"uri":"x","blob":"AAAA","mimeType":"image/png"}}]}}`},
		"chat, bare list": {Output{ContentType: "text/event-stream", Shape: ShapeOpenAIChat, Turn: LaterTurn, NoFrames: ReasonOffsets},
			"data: {\"choices\":[]}\n\ndata: {\"choices\":[{\"delta\":{\"images\":[\"data:image/png;base64,AAAA\"]}}]}\n\n"},
		"imagen, by address": {Output{ContentType: "application/json", Shape: ShapeImagen},
			`{"predictions":[{"mimeType":"image/png","gcsUri":"gs://a/b.png"}]}`},
		"gemini, a draft": {Output{ContentType: "application/json", Shape: ShapeGemini},
			`{"candidates":[{"content":{"parts":[{"thought":true,"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}`},
		"gemini, by address": {Output{ContentType: "application/json", Shape: ShapeGemini},
			`{"candidates":[{"content":{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"gs://a/b"}}]}}]}`},
	} {
		if got, w, err := mark(t, m, c.out, c.text, 0); err == nil {
			t.Errorf("%s: left as %v\n%s", name, w.Result(), got)
		}
	}
}

// TestTwoHopsAtHomeLeaveOneField: in the places that shapes have for it, too,
// and nothing an upstream wrote comes behind ours.
func TestTwoHopsAtHomeLeaveOneField(t *testing.T) {
	m := newTestMarker(t, nil)
	for name, c := range map[string]struct {
		out  Output
		text string
	}{
		"ui":           {Output{ContentType: "text/event-stream", Shape: ShapeUIMessage}, "data: {\"type\":\"start\",\"messageMetadata\":{\"a\":1,\"ai_disclosure\":{\"id\":\"forged\"}}}\n\n"},
		"ui, alone":    {Output{ContentType: "text/event-stream", Shape: ShapeUIMessage}, "data: {\"type\":\"start\",\"messageMetadata\":{\"ai_disclosure\":\"forged\"}}\n\n"},
		"ui, later":    {Output{ContentType: "text/event-stream", Shape: ShapeUIMessage, Turn: LaterTurn}, "data: {\"type\":\"start\"}\n\ndata: {\"type\":\"message-metadata\",\"messageMetadata\":{\"ai_disclosure\":\"forged\"}}\n\n"},
		"mcp":          {Output{ContentType: "application/json", Shape: ShapeMCP}, `{"result":{"content":[],"_meta":{"` + mcpKey + `":"forged","b":2}}}`},
		"mcp, in last": {Output{ContentType: "application/json", Shape: ShapeMCP}, `{"result":{"_meta":{"b":2 , "` + mcpKey + `":"forged"},"content":[]}}`},
	} {
		once, _, err := mark(t, m, c.out, c.text, 0)
		if err != nil || strings.Contains(once, "forged") {
			t.Errorf("%s: %v\n%s", name, err, once)
		}
		twice, _, err := mark(t, m, c.out, once, 0)
		if err != nil || twice != once {
			t.Errorf("%s: %v\n%s", name, err, twice)
		}
		for _, line := range strings.Split(twice, "\n") {
			if payload := strings.TrimPrefix(line, "data: "); payload != "" && readOK(payload) != nil {
				t.Errorf("%s: no JSON any more: %s", name, payload)
			}
		}
	}
}

// TestRepeatedTextsCountOnce: what a saved stream says again is the same text,
// and of several texts the report's record is that of the finding it keeps.
func TestRepeatedTextsCountOnce(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	g := longStreams(prose(60))[1]
	stream, _, err := mark(t, m, g.output(), g.text, 0)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := said(t, g, stream)
	frames := len(textmark.Detect(text, key).Frames)
	r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}}, []byte(stream), Source{ContentType: g.contentType})
	if got := finding(r, CarrierTextMark).Detail; got != fmt.Sprintf("%d marks in the text", frames) {
		t.Errorf("%q, want %d marks", got, frames)
	}
}

func TestRecordIsThatOfTheFindingKept(t *testing.T) {
	key := newTestKey(t)
	ours, _ := textmark.Embed(prose(30), textmark.ID(testID[:5]), key, textmark.Options{})
	other, _ := textmark.Embed(prose(31), textmark.ID{1, 2, 3, 4, 5}, key, textmark.Options{})
	body := []byte(`{"choices":[{"index":0,"message":{"content":` + quoteJSON(ours) + `}},{"index":1,"message":{"content":` + quoteJSON(other) + `}}]}`)
	records := recordsOf(t, testID, body)
	for range 20 {
		r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: records}, body, Source{})
		if r.Reason != CauseRecordMatches || r.Record.Status != "match" {
			t.Fatalf("%s, record %s", r.Reason, r.Record.Status)
		}
	}
	for range 20 { // neither is known: the first is reported
		r := mustInspect(t, DetectorOptions{Keys: []VerifyKey{{Key: key}}, Records: recordsOf(t, watermark.Payload{9}, nil)}, body, Source{})
		if id := finding(r, CarrierTextMark).IDPrefix; id != testID.String()[:10] {
			t.Fatalf("finding of %s, want the first text's", id)
		}
	}
}

// TestResultsOfServerToolsPass: Anthropic sends what its own tools fetched in
// one event, which is as long as a document.
func TestResultsOfServerToolsPass(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	result := `event: content_block_start
data: {"type":"content_block_start","index":7,"content_block":{"type":"web_fetch_tool_result","content":{"data":"` + strings.Repeat("A", 2*DefaultMaxEvent) + `"}}}

`
	stream := result + anthropicStream
	out := Output{ContentType: "text/event-stream", Shape: ShapeAnthropic}
	got, _, err := mark(t, m, out, stream, 4096)
	if err != nil || withoutSplices(m, out, got) != stream {
		t.Errorf("%v, %d of %d bytes", err, len(got), len(stream))
	}
}

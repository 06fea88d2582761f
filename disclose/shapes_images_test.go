package disclose

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"

	"github.com/avowai/avow/watermark"
)

func b64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// withText puts a tEXt chunk behind IHDR, as web UIs keep their settings.
func withText(file []byte, key, text string) []byte {
	body := append([]byte("tEXt"), key+"\x00"+text...)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)-4))
	chunk = binary.BigEndian.AppendUint32(append(chunk, body...), crc32.ChecksumIEEE(body))
	return append(append(bytes.Clone(file[:33]), chunk...), file[33:]...)
}

// pictures finds the base64 of PNG files in any text.
var pictures = regexp.MustCompile(`iVBORw0KGgo[A-Za-z0-9+/]+=*`)

// imageAnswer is an answer with pictures, how many of them are marked, and how
// many fields name them.
type imageAnswer struct {
	out    Output
	text   string
	marked int
	fields int
}

func imageAnswers(t *testing.T) map[string]imageAnswer {
	t.Helper()
	one, two, three := testPNG(t, 256, 256, 1), testPNG(t, 256, 256, 2), testPNG(t, 256, 256, 3)
	pointers, err := NewPointers([]string{"/answer"}, []string{"/pictures/*/data"})
	if err != nil {
		t.Fatal(err)
	}
	sse := "text/event-stream"
	return map[string]imageAnswer{
		"images SSE": {Output{ContentType: sse, Shape: ShapeOpenAIImages},
			"event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"" + b64(one) + "\",\"partial_image_index\":0}\n\n" +
				"event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"" + b64(two) + "\",\"usage\":{}}\n\n", 2, 2},
		"responses SSE": {Output{ContentType: sse, Shape: ShapeOpenAIResponses},
			"data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"output\":[]}}\n\n" +
				"data: {\"type\":\"response.image_generation_call.partial_image\",\"partial_image_b64\":\"" + b64(one) + "\"}\n\n" +
				"data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"image_generation_call\",\"result\":\"" + b64(two) + "\"}}\n\n" +
				"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"output\":[{\"result\":\"" + b64(two) + "\",\"type\":\"image_generation_call\"}]}}\n\n", 3, 4},
		"gemini": {Output{ContentType: "application/json", Shape: ShapeGemini},
			`{"candidates":[{"content":{"parts":[{"text":"Here"},{"inlineData":{"mimeType":"image/png","data":"` + b64(one) + `"}},{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}}]}}]}`, 1, 1},
		"gemini SSE": {Output{ContentType: sse, Shape: ShapeGeminiStream},
			"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Here\"}]}}]}\n\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"data\":\"" + b64(one) + "\",\"mimeType\":\"image/png\"}}]},\"finishReason\":\"STOP\"}]}\n\n", 1, 2},
		"gemini array": {Output{ContentType: "application/json", Shape: ShapeGeminiStream},
			"[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Here\"}]}}]}\n,\r\n{\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"" + b64(one) + "\"}}]}}]}]", 1, 2},
		"imagen": {Output{ContentType: "application/json", Shape: ShapeImagen},
			`{"predictions":[{"mimeType":"image/png","bytesBase64Encoded":"` + b64(one) + `"},{"bytesBase64Encoded":"` + b64(two) + `"}]}`, 2, 1},
		"chat data URI": {Output{ContentType: "application/json", Shape: ShapeOpenAIChat},
			`{"choices":[{"message":{"content":"Here","images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + b64(one) + `"}}]}}]}`, 1, 1},
		"chat SSE data URI": {Output{ContentType: sse, Shape: ShapeOpenAIChat},
			"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Here\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"images\":[{\"image_url\":{\"url\":\"data:image/png;base64," + b64(one) + "\"}}]}}]}\n\ndata: [DONE]\n\n", 1, 2},
		"ui message": {Output{ContentType: sse, Shape: ShapeUIMessage},
			"data: {\"type\":\"start\"}\n\ndata: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"Here\"}\n\ndata: {\"type\":\"file\",\"mediaType\":\"image/png\",\"url\":\"data:image/png;base64," + b64(one) + "\"}\n\ndata: [DONE]\n\n", 1, 1},
		"a1111": {Output{ContentType: "application/json", Shape: ShapeA1111},
			`{"images":["` + b64(withText(one, "parameters", "a cat\nSteps: 20")) + `","` + b64(two) + `","` + b64(three) + `"],"parameters":{"prompt":"a cat"},"info":"{\"infotexts\":[\"a cat\",\"a cat\"],\"seed\":1}"}`, 2, 1},
		"a1111 single": {Output{ContentType: "application/json", Shape: ShapeA1111}, `{"image":"` + b64(one) + `","html_info":""}`, 1, 1},
		"ollama generate": {Output{ContentType: "application/x-ndjson", Shape: ShapeOllamaGenerate},
			`{"completed":1,"total":2,"done":false}` + "\n" + `{"image":"` + b64(one) + `","done":true}` + "\n", 1, 2},
		"stability": {Output{ContentType: "application/json", Shape: ShapeStability}, `{"artifacts":[{"base64":"` + b64(one) + `","finishReason":"SUCCESS"}]}`, 1, 1},
		"replicate": {Output{ContentType: "application/json", Shape: ShapeReplicate}, `{"id":"p","output":["data:image/png;base64,` + b64(one) + `"]}`, 1, 1},
		"mcp":       {Output{ContentType: "application/json", Shape: ShapeMCP}, `{"result":{"content":[{"type":"image","data":"` + b64(one) + `","mimeType":"image/png"}]}}`, 1, 1},
		"pointers":  {Output{ContentType: "application/json", Shape: ShapeCustom, Pointers: pointers}, `{"answer":"Here","pictures":[{"data":"` + b64(one) + `"},{"data":"` + b64(two) + `"}],"other":{"data":"` + b64(three) + `"}}`, 2, 1},
	}
}

// TestImagesOfEveryShape: each picture of an answer carries the mark of the id
// that the field gives it, and nothing else changes.
func TestImagesOfEveryShape(t *testing.T) {
	key := newTestKey(t)
	m := newTestMarker(t, func(o *Options) { o.Key = key })
	for name, c := range imageAnswers(t) {
		t.Run(name, func(t *testing.T) {
			got, w, err := mark(t, m, c.out, c.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			if res := w.Result(); res.Outcome == OutcomeDegraded || res.Outcome == OutcomeWithheld {
				t.Errorf("%+v", res)
			}
			before, after := pictures.FindAllString(c.text, -1), pictures.FindAllString(got, -1)
			if back := withoutSplices(m, c.out, pictures.ReplaceAllString(got, "*")); back != pictures.ReplaceAllString(c.text, "*") {
				t.Errorf("changed outside the splices:\n%.500s", back)
			}
			if n := strings.Count(got, `ai_disclosure":{`); n != c.fields {
				t.Errorf("%d fields, want %d", n, c.fields)
			}
			marked := 0
			for i := range after {
				if after[i] == before[i] {
					continue
				}
				marked++
				id := idIn(t, key, after[i])
				if !strings.Contains(got, id.String()) && c.out.Shape != ShapeUIMessage { // its parts have no place for one
					t.Errorf("picture %d carries %s, which no field names", i, id)
				}
			}
			if marked != c.marked {
				t.Errorf("%d pictures marked, want %d", marked, c.marked)
			}
		})
	}
}

// idIn reads the mark of a picture.
func idIn(t *testing.T, key watermark.Key, picture string) watermark.Payload {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(picture)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDetector(DetectorOptions{Keys: []VerifyKey{{Key: key}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Inspect(context.Background(), bytes.NewReader(data), Source{})
	if err != nil || r.Verdict != Verified {
		t.Fatalf("%v %+v", err, r)
	}
	id, err := watermark.ParsePayload(r.Findings[CarrierImageMark].ID)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestSettingsOfAPictureStay: people load a web UI's settings from its pictures.
func TestSettingsOfAPictureStay(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	settings := "a cat\nSteps: 20, Sampler: Euler"
	text := `{"images":["` + b64(withText(testPNG(t, 256, 256, 1), "parameters", settings)) + `"]}`
	got, _, err := mark(t, m, Output{ContentType: "application/json", Shape: ShapeA1111}, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(pictures.FindString(got))
	if err != nil || !bytes.Contains(data, []byte("tEXtparameters\x00"+settings)) {
		t.Fatalf("%v: the parameters are gone", err)
	}
}

// TestARepeatedPictureIsTheSame: what a stream gives twice is marked once.
func TestARepeatedPictureIsTheSame(t *testing.T) {
	m := newTestMarker(t, func(o *Options) { o.Key = newTestKey(t) })
	one := b64(testPNG(t, 256, 256, 1))
	text := "data: {\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{\"type\":\"image_generation_call\",\"result\":\"" + one + "\"}}\n\n" +
		"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"output\":[{\"result\":\"" + one + "\",\"type\":\"image_generation_call\"}]}}\n\n"
	got, w, err := mark(t, m, Output{ContentType: "text/event-stream", Shape: ShapeOpenAIResponses}, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := pictures.FindAllString(got, -1)
	if len(all) != 2 || all[0] != all[1] || all[0] == one || len(w.Result().IDs) != 1 && len(w.Result().IDs) != 2 {
		t.Fatalf("%d pictures, ids %v", len(all), w.Result().IDs)
	}
}

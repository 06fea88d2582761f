package demo

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(t *testing.T, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	Backend().ServeHTTP(w, httptest.NewRequest("POST", path, strings.NewReader(body)))
	return w
}

func TestReplyFollowsTheConversation(t *testing.T) {
	say := func(text string) string { return Reply([]message{{"user", text}}) }
	for text, want := range map[string]string{
		"Tell me about a lighthouse.": "lighthouse",
		"I feel lost in my work":      "lost in your work",
		"Are you human?":              "not a person",
		"i need a rest.":              "a rest",
		"":                            "",
		"%s %d":                       "",
	} {
		got := say(text)
		if got == "" || !strings.Contains(got, want) || strings.Contains(got, "%!") {
			t.Errorf("Reply(%q) = %q, want %q in it", text, got, want)
		}
		if again := say(text); again != got {
			t.Errorf("Reply(%q) changes from %q to %q", text, got, again)
		}
	}
}

func TestChatShapes(t *testing.T) {
	const body = `{"stream":false,"messages":[{"role":"user","content":"hello"}]}`
	var openAI struct {
		Choices []struct{ Message message }
	}
	if err := json.Unmarshal(ask(t, "/v1/chat/completions", body).Body.Bytes(), &openAI); err != nil || openAI.Choices[0].Message.Content == "" {
		t.Errorf("openai: %+v, %v", openAI, err)
	}
	var ollama struct {
		Message message
		Done    bool
	}
	if err := json.Unmarshal(ask(t, "/api/chat", body).Body.Bytes(), &ollama); err != nil || !ollama.Done || ollama.Message.Content == "" {
		t.Errorf("ollama: %+v, %v", ollama, err)
	}
	for _, path := range []string{"/v1/chat/completions", "/api/chat", "/v1/images/generations"} {
		if w := ask(t, path, "{"); w.Code != 400 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: bad request answered %d %q", path, w.Code, w.Body)
		}
	}
}

func TestImagesFollowThePromptAndTheSize(t *testing.T) {
	draw := func(body string) image.Image {
		t.Helper()
		var answer struct {
			Data []struct {
				B64 []byte `json:"b64_json"`
			}
		}
		if err := json.Unmarshal(ask(t, "/v1/images/generations", body).Body.Bytes(), &answer); err != nil || len(answer.Data) != 1 {
			t.Fatalf("%s: %d images, %v", body, len(answer.Data), err)
		}
		img, err := png.Decode(bytes.NewReader(answer.Data[0].B64))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	for size, want := range map[string]image.Point{
		"320x256": {320, 256}, "1x99999999": {256, 1536}, "": {768, 768}, "x": {768, 768}, "-5x-5": {256, 256},
	} {
		if got := draw(`{"prompt":"sea","size":"` + size + `"}`).Bounds().Size(); got != want {
			t.Errorf("size %q drew %v, want %v", size, got, want)
		}
	}
	sunset, again, night := Paint("a sea at sunset", 256, 256, 0), Paint("a sea at sunset", 256, 256, 0), Paint("a sea at night", 256, 256, 0)
	if !bytes.Equal(sunset.Pix, again.Pix) || bytes.Equal(sunset.Pix, night.Pix) {
		t.Error("a picture has to depend on its prompt, and on nothing else")
	}
}

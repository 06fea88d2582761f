package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	askStream  = `{"model":"soak","stream":true,"messages":[{"role":"user","content":"Tell me of the sea."}]}`
	askChat    = `{"model":"soak","messages":[{"role":"user","content":"Tell me of the sea."}]}`
	askPicture = `{"prompt":"noise"}`

	chatPath    = "/v1/chat/completions"
	picturePath = "/v1/images/generations"

	notice = "You are interacting with an AI system, not a human."
)

// patience is how long a client waits for a whole answer.
const patience = 60 * time.Second

// An answer is one that came to its end.
type answer struct {
	status  int
	header  http.Header
	body    []byte // of all but streams
	streams streamed
}

// streamed is what a stream was.
type streamed struct {
	events int
	order  bool // numbers from 0 without a gap
	done   bool // [DONE] was there
	notice bool
	field  bool
}

// ask asks and reads the answer to its end. An answer that broke off is an error.
func (s *soak) ask(ctx context.Context, path, question, fault string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.avow.URL+path, strings.NewReader(question))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/json")
	if fault != "" {
		req.Header.Set(faultHeader, fault)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = resp.Body.Close() }()
	a = answer{status: resp.StatusCode, header: resp.Header}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		a.streams, err = readStream(resp.Body)
		return a, err
	}
	a.body, err = io.ReadAll(resp.Body)
	return a, err
}

func readStream(body io.Reader) (s streamed, err error) {
	s.order = true
	in := bufio.NewReaderSize(body, 4<<10)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.read(line)
	}
}

func (s *streamed) read(line []byte) {
	data, ok := bytes.CutPrefix(line, []byte("data: "))
	switch {
	case !ok:
		return
	case bytes.HasPrefix(data, []byte("[DONE]")):
		s.done = true
		return
	}
	if s.events == 0 {
		s.notice, s.field = bytes.Contains(data, []byte(notice)), bytes.Contains(data, []byte(`"ai_disclosure"`))
	}
	if !bytes.Contains(data, fmt.Appendf(nil, `"number":%d,`, s.events)) || s.done {
		s.order = false
	}
	s.events++
}

// marked says what is missing from an answer that should have left marked; nil for
// nothing.
func (a answer) marked() error {
	switch id := a.header.Get("Avow-Id"); {
	case a.status != http.StatusOK:
		return fmt.Errorf("status %d: %.200s", a.status, a.body)
	case !strings.Contains(a.header.Get("AI-Disclosure"), "mode=machine-generated"):
		return errors.New("no header")
	case id == "":
		return errors.New("no id")
	case a.body == nil && (!a.streams.notice || !a.streams.field):
		return errors.New("a stream without notice or field")
	case a.body == nil && (!a.streams.order || !a.streams.done || a.streams.events != events):
		return fmt.Errorf("a stream out of order: %+v", a.streams)
	case a.body != nil && !bytes.Contains(a.body, []byte(`"ai_disclosure"`)):
		return errors.New("no field")
	case bytes.Contains(a.body, []byte(`"chat.completion"`)) && !bytes.Contains(a.body, []byte(notice)):
		return errors.New("no notice")
	}
	return nil
}

// pictureOf is the picture in an answer.
func pictureOf(body []byte) ([]byte, error) {
	var images struct {
		Data []struct {
			B64 string `json:"b64_json"`
		}
	}
	if err := json.Unmarshal(body, &images); err != nil || len(images.Data) != 1 {
		return nil, fmt.Errorf("no picture in %.100q: %w", body, err)
	}
	return base64.StdEncoding.DecodeString(images.Data[0].B64)
}

// verify asks the verification service about a file.
func (s *soak) verify(ctx context.Context, contentType string, file []byte) (status int, verdict string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.avow.URL+"/avow/v1/verify", bytes.NewReader(file))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	var report struct{ Verdict, Reason string }
	err = json.NewDecoder(resp.Body).Decode(&report)
	return resp.StatusCode, report.Verdict + " (" + report.Reason + ")", err
}

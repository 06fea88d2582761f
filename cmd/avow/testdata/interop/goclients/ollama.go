package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/ollama/ollama/api"
)

func ollamaClient(base string) (*api.Client, error) {
	u, err := url.Parse(base)
	return api.NewClient(u, http.DefaultClient), err
}

// options sets what a scenario asks for; both requests have the same members.
func options(scenario string, format *json.RawMessage, think **api.ThinkValue) {
	switch scenario {
	case "json":
		*format = json.RawMessage(`"json"`)
	case "thinking":
		*think = &api.ThinkValue{Value: true}
	}
}

// ollamaChat reads a chat, streamed or whole: the client has one way for both.
func ollamaChat(stream bool) run {
	return func(base, scenario string) (doc, error) {
		req := &api.ChatRequest{Model: scenario, Messages: []api.Message{{Role: "user", Content: question}}, Stream: &stream}
		options(scenario, &req.Format, &req.Think)
		if scenario == "tools" {
			req.Tools = api.Tools{{Type: "function", Function: api.ToolFunction{Name: "weather"}}}
		}
		return chatDoc(base, req)
	}
}

func chatDoc(base string, req *api.ChatRequest) (doc, error) {
	c, err := ollamaClient(base)
	if err != nil {
		return nil, err
	}
	text, thinking, chunks, tools := "", "", 0, []any{}
	var last api.ChatResponse
	err = c.Chat(context.Background(), req, func(r api.ChatResponse) error {
		chunks++
		text += r.Message.Content
		thinking += r.Message.Thinking
		for _, t := range r.Message.ToolCalls {
			tools = append(tools, []any{t.Function.Name, fields(t.Function.Arguments)})
		}
		last = r
		return nil
	})
	return doc{
		"texts": []any{text}, "thinking": thinking, "tools": tools, "chunks": chunks,
		"finish": []any{last.Done, last.DoneReason}, "usage": fields(last.Metrics),
	}, err
}

func ollamaLater(first string) run {
	return func(base, _ string) (doc, error) {
		whole := false
		req := &api.ChatRequest{Model: first, Messages: []api.Message{{Role: "user", Content: question}}, Stream: &whole}
		opening, err := chatDoc(base, req)
		if err != nil {
			return nil, err
		}
		answer := opening["texts"].([]any)[0].(string)
		req.Model = "second"
		req.Messages = append(req.Messages, api.Message{Role: "assistant", Content: answer}, api.Message{Role: "user", Content: followUp})
		return chatDoc(base, req)
	}
}

func ollamaGenerate(stream bool) run {
	return func(base, scenario string) (doc, error) {
		req := &api.GenerateRequest{Model: scenario, Prompt: "Lighthouses?", Stream: &stream}
		options(scenario, &req.Format, &req.Think)
		return generateDoc(base, req)
	}
}

func generateDoc(base string, req *api.GenerateRequest) (doc, error) {
	c, err := ollamaClient(base)
	if err != nil {
		return nil, err
	}
	text, thinking, chunks := "", "", 0
	var last api.GenerateResponse
	err = c.Generate(context.Background(), req, func(r api.GenerateResponse) error {
		chunks++
		text += r.Response
		thinking += r.Thinking
		last = r
		return nil
	})
	return doc{
		"texts": []any{text}, "thinking": thinking, "chunks": chunks, "context": last.Context,
		"finish": []any{last.Done, last.DoneReason}, "usage": fields(last.Metrics),
	}, err
}

func generateLater(base, _ string) (doc, error) {
	whole := false
	req := &api.GenerateRequest{Model: "short", Prompt: "Lighthouses?", Stream: &whole}
	if _, err := generateDoc(base, req); err != nil {
		return nil, err
	}
	req.Model, req.Context = "second", []int{1, 2, 3}
	return generateDoc(base, req)
}

func addOllama() {
	add("ollama-go/ollama-chat", "json", ollamaChat(false), "short", "long", "json", "tools", "thinking")
	add("ollama-go/ollama-chat", "stream", ollamaChat(true), "short", "long", "json", "tools", "thinking")
	add("ollama-go/ollama-chat", "json", ollamaLater("short"), "later")
	add("ollama-go/ollama-chat", "long", ollamaLater("long"), "later")
	add("ollama-go/ollama-generate", "json", ollamaGenerate(false), "short", "long", "json", "thinking")
	add("ollama-go/ollama-generate", "stream", ollamaGenerate(true), "short", "long", "json", "thinking")
	add("ollama-go/ollama-generate", "json", generateLater, "later")
}

package main

import (
	"context"
	"encoding/base64"
	"iter"

	"google.golang.org/genai"
)

func gemini(url string, backend genai.Backend) (*genai.Client, error) {
	return genai.NewClient(context.Background(), &genai.ClientConfig{
		APIKey: "unused", Backend: backend, HTTPOptions: genai.HTTPOptions{BaseURL: url},
	})
}

func geminiConfig(scenario string) *genai.GenerateContentConfig {
	switch scenario {
	case "json":
		return &genai.GenerateContentConfig{ResponseMIMEType: "application/json"}
	case "two":
		return &genai.GenerateContentConfig{CandidateCount: 2}
	case "thinking":
		return &genai.GenerateContentConfig{ThinkingConfig: &genai.ThinkingConfig{IncludeThoughts: true}}
	case "tools":
		tool := &genai.FunctionDeclaration{Name: "weather", ParametersJsonSchema: weather}
		return &genai.GenerateContentConfig{Tools: []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{tool}}}}
	}
	return nil
}

// A content collects the parts of one or of many responses, by candidate.
type content struct {
	texts                                             []any
	kinds, thinking, signatures, tools, images, cited []any
	finish                                            []any
	blocked                                           any
	usage                                             any
	chunks                                            int
}

func (c *content) add(r *genai.GenerateContentResponse) {
	c.chunks++
	c.usage = fields(r.UsageMetadata)
	if r.PromptFeedback != nil {
		c.blocked = r.PromptFeedback.BlockReason
	}
	for i, cand := range r.Candidates {
		if i == len(c.texts) {
			c.texts = append(c.texts, "")
		}
		for _, p := range cand.Content.Parts {
			c.addPart(i, p)
		}
		if cand.FinishReason != "" {
			c.finish = append(c.finish, cand.FinishReason)
		}
		if g := cand.GroundingMetadata; g != nil {
			for _, s := range g.GroundingSupports {
				text := c.texts[i].(string)
				c.cited = append(c.cited, []any{coveredBytes(text, s.Segment.StartIndex, s.Segment.EndIndex), s.Segment.Text})
			}
		}
	}
}

func (c *content) addPart(i int, p *genai.Part) {
	if len(p.ThoughtSignature) > 0 {
		c.signatures = append(c.signatures, p.ThoughtSignature)
	}
	switch {
	case p.Thought:
		c.thinking = append(c.thinking, p.Text)
		c.kinds = append(c.kinds, "thought")
	case p.FunctionCall != nil:
		c.tools = append(c.tools, []any{p.FunctionCall.Name, p.FunctionCall.Args})
		c.kinds = append(c.kinds, "call")
	case p.InlineData != nil:
		c.images = append(c.images, base64.StdEncoding.EncodeToString(p.InlineData.Data))
		c.kinds = append(c.kinds, "image")
	default:
		c.texts[i] = c.texts[i].(string) + p.Text
		c.kinds = append(c.kinds, "text")
	}
}

func (c *content) seen() doc {
	return doc{
		"texts": c.texts, "parts": c.kinds, "thinking": c.thinking, "signatures": c.signatures, "tools": c.tools,
		"images": c.images, "cited": c.cited, "finish": c.finish, "blocked": c.blocked, "usage": c.usage, "chunks": c.chunks,
	}
}

func (c *content) drain(stream iter.Seq2[*genai.GenerateContentResponse, error]) error {
	for r, err := range stream {
		if err != nil {
			return err
		}
		c.add(r)
	}
	return nil
}

func generateContent(url, scenario string) (doc, error) {
	c, err := gemini(url, genai.BackendGeminiAPI)
	if err != nil {
		return nil, err
	}
	r, err := c.Models.GenerateContent(context.Background(), scenario, genai.Text(question), geminiConfig(scenario))
	if err != nil {
		return nil, err
	}
	var all content
	all.add(r)
	return all.seen(), nil
}

func streamContent(url, scenario string) (doc, error) {
	c, err := gemini(url, genai.BackendGeminiAPI)
	if err != nil {
		return nil, err
	}
	var all content
	err = all.drain(c.Models.GenerateContentStream(context.Background(), scenario, genai.Text(question), geminiConfig(scenario)))
	return all.seen(), err
}

// chat compares the history that the helper keeps with what it streamed.
func chat(url, scenario string) (doc, error) {
	c, err := gemini(url, genai.BackendGeminiAPI)
	if err != nil {
		return nil, err
	}
	talk, err := c.Chats.Create(context.Background(), scenario, nil, nil)
	if err != nil {
		return nil, err
	}
	var all content
	if err := all.drain(talk.SendMessageStream(context.Background(), genai.Part{Text: question})); err != nil {
		return nil, err
	}
	kept := ""
	for _, h := range talk.History(false) {
		for _, p := range h.Parts {
			if h.Role == genai.RoleModel {
				kept += p.Text
			}
		}
	}
	seen := all.seen()
	seen["deltas"], seen["texts"] = all.texts, []any{kept}
	return seen, nil
}

func contentLater(url, _ string) (doc, error) {
	c, err := gemini(url, genai.BackendGeminiAPI)
	if err != nil {
		return nil, err
	}
	first, err := c.Chats.Create(context.Background(), "long", nil, nil)
	if err != nil {
		return nil, err
	}
	if _, err = first.SendMessage(context.Background(), genai.Part{Text: question}); err != nil {
		return nil, err
	}
	second, err := c.Chats.Create(context.Background(), "second", nil, first.History(false))
	if err != nil {
		return nil, err
	}
	r, err := second.SendMessage(context.Background(), genai.Part{Text: followUp})
	if err != nil {
		return nil, err
	}
	var all content
	all.add(r)
	return all.seen(), nil
}

func imagen(url, scenario string) (doc, error) {
	c, err := gemini(url, genai.BackendVertexAI)
	if err != nil {
		return nil, err
	}
	r, err := c.Models.GenerateImages(context.Background(), scenario, "a lighthouse", nil)
	if err != nil {
		return nil, err
	}
	var images, types []any
	for _, g := range r.GeneratedImages {
		images = append(images, base64.StdEncoding.EncodeToString(g.Image.ImageBytes))
		types = append(types, g.Image.MIMEType)
	}
	return doc{"images": images, "types": types}, nil
}

func addGemini() {
	add("genai-go/gemini", "json", generateContent, "short", "long", "json", "tools", "two", "thinking", "cited", "image", "blocked")
	add("genai-go/gemini", "stream", streamContent, "short", "long", "long-crlf", "json", "tools", "thinking", "image", "blocked")
	add("genai-go/gemini", "chat", chat, "short", "long")
	add("genai-go/gemini", "json", contentLater, "later")
	add("genai-go/imagen", "json", imagen, "predict")
}

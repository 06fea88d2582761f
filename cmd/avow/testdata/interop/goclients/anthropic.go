package main

import (
	"context"
	"fmt"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

func anthropicClient(url string) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(url), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

func messageRequest(scenario string) anthropic.MessageNewParams {
	p := anthropic.MessageNewParams{
		Model: anthropic.Model(scenario), MaxTokens: 2048,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))},
	}
	switch scenario {
	case "json":
		p.OutputConfig = anthropic.OutputConfigParam{Format: anthropic.JSONOutputFormatParam{Schema: weather}}
	case "thinking":
		p.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
	case "tools", "text-tools":
		p.Tools = []anthropic.ToolUnionParam{anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{Properties: weather["properties"]}, "weather")}
	}
	return p
}

func messageSeen(m *anthropic.Message) doc {
	text, blocks, tools, thinking, cited := "", []any{}, []any{}, []any{}, []any{}
	for _, b := range m.Content {
		blocks = append(blocks, b.Type)
		switch b.Type {
		case "text":
			text += b.Text
			for _, c := range b.Citations {
				cited = append(cited, []any{c.CitedText, c.StartCharIndex, c.EndCharIndex})
			}
		case "tool_use":
			tools = append(tools, []any{b.ID, b.Name, raw(string(b.Input))})
		default:
			thinking = append(thinking, []any{b.Thinking, b.Signature, b.Data})
		}
	}
	return doc{
		"texts": []any{text}, "blocks": blocks, "tools": tools, "thinking": thinking, "cited": cited,
		"finish": m.StopReason, "usage": []any{m.Usage.InputTokens, m.Usage.OutputTokens},
	}
}

func message(url, scenario string) (doc, error) {
	c := anthropicClient(url)
	m, err := c.Messages.New(context.Background(), messageRequest(scenario))
	if err != nil {
		return nil, err
	}
	seen := messageSeen(m)
	seen["field"] = raw(m.JSON.ExtraFields["ai_disclosure"].Raw())
	return seen, nil
}

func messageStream(url, scenario string) (doc, error) {
	c := anthropicClient(url)
	stream := c.Messages.NewStreaming(context.Background(), messageRequest(scenario))
	var m anthropic.Message
	var types []any
	joined := ""
	for stream.Next() {
		e := stream.Current()
		types = append(types, e.Type)
		if err := m.Accumulate(e); err != nil {
			return nil, fmt.Errorf("accumulate event %d: %w", len(types), err)
		}
		joined += e.Delta.Text
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	seen := messageSeen(&m)
	seen["deltas"], seen["types"] = []any{joined}, types
	return seen, nil
}

func messageLater(url, first string) (doc, error) {
	c, p := anthropicClient(url), messageRequest(first)
	opening, err := c.Messages.New(context.Background(), p)
	if err != nil {
		return nil, err
	}
	p.Model = "second"
	p.Messages = append(p.Messages, opening.ToParam(), anthropic.NewUserMessage(anthropic.NewTextBlock(followUp)))
	m, err := c.Messages.New(context.Background(), p)
	if err != nil {
		return nil, err
	}
	return messageSeen(m), nil
}

func addAnthropic() {
	add("anthropic-sdk-go/anthropic", "json", message, "short", "long", "json", "tools", "text-tools", "thinking", "cited", "refusal")
	add("anthropic-sdk-go/anthropic", "accumulate", messageStream, "short", "long", "long-crlf", "json", "tools", "text-tools", "thinking", "cited", "refusal")
	add("anthropic-sdk-go/anthropic", "json", func(url, _ string) (doc, error) { return messageLater(url, "short") }, "later")
	add("anthropic-sdk-go/anthropic", "thinking", func(url, _ string) (doc, error) { return messageLater(url, "thinking") }, "later")
}

package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func openAI(url string) openai.Client {
	return openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

func chatRequest(scenario string) openai.ChatCompletionNewParams {
	models := map[string]string{"german": "short", "usage": "short"}
	p := openai.ChatCompletionNewParams{Model: scenario, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)}}
	if m := models[scenario]; m != "" {
		p.Model = m
	}
	switch scenario {
	case "json":
		p.ResponseFormat.OfJSONObject = &openai.ResponseFormatJSONObjectParam{}
	case "two":
		p.N = openai.Int(2)
	case "usage":
		p.StreamOptions.IncludeUsage = openai.Bool(true)
	case "tools":
		p.Tools = []openai.ChatCompletionToolUnionParam{
			openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "weather", Parameters: weather}),
		}
	}
	return p
}

func chatSeen(r *openai.ChatCompletion) doc {
	var texts, finish, refusals, tools, cited []any
	for _, c := range r.Choices {
		texts = append(texts, c.Message.Content)
		finish = append(finish, c.FinishReason)
		refusals = append(refusals, c.Message.Refusal)
		for _, call := range c.Message.ToolCalls {
			tools = append(tools, []any{call.ID, call.Function.Name, raw(call.Function.Arguments)})
		}
		for _, a := range c.Message.Annotations {
			u := a.URLCitation
			cited = append(cited, []any{covered(c.Message.Content, u.StartIndex, u.EndIndex), u.URL})
		}
	}
	return doc{
		"texts": texts, "finish": finish, "refusals": refusals, "tools": tools, "cited": cited, "model": r.Model,
		"usage": []any{r.Usage.PromptTokens, r.Usage.CompletionTokens, r.Usage.TotalTokens},
	}
}

func chatJSON(url, scenario string) (doc, error) {
	var opts []option.RequestOption
	if scenario == "german" {
		opts = append(opts, option.WithHeader("Accept-Language", "de-AT,de;q=0.9,en;q=0.5"))
	}
	c := openAI(url)
	r, err := c.Chat.Completions.New(context.Background(), chatRequest(scenario), opts...)
	if err != nil {
		return nil, err
	}
	seen := chatSeen(r)
	seen["field"] = raw(r.JSON.ExtraFields["ai_disclosure"].Raw())
	if scenario == "json" {
		seen["parsed"] = raw(r.Choices[0].Message.Content)
	}
	return seen, nil
}

// chatStream reads the chunks by hand and has the accumulator build the same
// answer from them.
func chatStream(url, scenario string) (doc, error) {
	c := openAI(url)
	stream := c.Chat.Completions.NewStreaming(context.Background(), chatRequest(scenario))
	var acc openai.ChatCompletionAccumulator
	deltas, chunks, finished := map[int64]string{}, 0, []any{}
	for stream.Next() {
		chunk := stream.Current()
		chunks++
		// Azure's first chunk has no id, and the accumulator takes one id only.
		if chunk.ID != "" && !acc.AddChunk(chunk) {
			return nil, fmt.Errorf("the accumulator refuses chunk %d: %s", chunks, chunk.RawJSON())
		}
		if text, ok := acc.JustFinishedContent(); ok {
			finished = append(finished, len(text) > 0)
		}
		for _, choice := range chunk.Choices {
			deltas[choice.Index] += choice.Delta.Content
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	seen := chatSeen(&acc.ChatCompletion)
	var joined []any
	for i := range acc.Choices {
		joined = append(joined, deltas[int64(i)])
	}
	seen["deltas"], seen["chunks"], seen["finished"] = joined, chunks, finished
	return seen, nil
}

func chatLater(url, first string) (doc, error) {
	c, p := openAI(url), chatRequest(first)
	opening, err := c.Chat.Completions.New(context.Background(), p)
	if err != nil {
		return nil, err
	}
	p.Model = "second"
	p.Messages = append(p.Messages, opening.Choices[0].Message.ToParam(), openai.UserMessage(followUp))
	r, err := c.Chat.Completions.New(context.Background(), p)
	if err != nil {
		return nil, err
	}
	return chatSeen(r), nil
}

func legacy(url, scenario string) (doc, error) {
	c := openAI(url)
	p := openai.CompletionNewParams{Model: openai.CompletionNewParamsModel(scenario), Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Lighthouses?")}}
	r, err := c.Completions.New(context.Background(), p)
	if err != nil {
		return nil, err
	}
	return doc{"texts": []any{r.Choices[0].Text}, "field": raw(r.JSON.ExtraFields["ai_disclosure"].Raw())}, nil
}

func images(url, scenario string) (doc, error) {
	c := openAI(url)
	r, err := c.Images.Generate(context.Background(), openai.ImageGenerateParams{Model: openai.ImageModel(scenario), Prompt: "a lighthouse"})
	if err != nil {
		return nil, err
	}
	var out []any
	for _, d := range r.Data {
		out = append(out, d.B64JSON)
	}
	return doc{"images": out, "created": r.Created, "field": raw(r.JSON.ExtraFields["ai_disclosure"].Raw())}, nil
}

func imageStream(url, scenario string) (doc, error) {
	c := openAI(url)
	stream := c.Images.GenerateStreaming(context.Background(), openai.ImageGenerateParams{Model: openai.ImageModel(scenario), Prompt: "a lighthouse"})
	var out, types []any
	for stream.Next() {
		e := stream.Current()
		out, types = append(out, e.B64JSON), append(types, e.Type)
	}
	return doc{"images": out, "types": types}, stream.Err()
}

func addOpenAI() {
	add("openai-go/openai-chat", "json", chatJSON, "short", "german", "long", "escaped", "two", "json", "tools", "refusal", "cited")
	add("openai-go/openai-chat", "accumulator", chatStream, "short", "long", "long-crlf", "two", "json", "tools", "refusal", "azure", "usage")
	add("openai-go/openai-chat", "json", func(url, _ string) (doc, error) { return chatLater(url, "short") }, "later")
	add("openai-go/openai-chat", "long", func(url, _ string) (doc, error) { return chatLater(url, "long") }, "later")
	add("openai-go/openai-legacy", "json", legacy, "short", "long")
	add("openai-go/openai-images", "json", images, "b64", "several")
	add("openai-go/openai-images-stream", "stream", imageStream, "b64")
}

// fields turns a typed value into its JSON members.
func fields(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return raw(string(b))
}

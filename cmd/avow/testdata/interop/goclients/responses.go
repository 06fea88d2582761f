package main

import (
	"context"
	"reflect"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

func responseRequest(scenario string) responses.ResponseNewParams {
	p := responses.ResponseNewParams{Model: scenario, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(question)}}
	switch scenario {
	case "json":
		p.Text.Format.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	case "tools":
		p.Tools = []responses.ToolUnionParam{{OfFunction: &responses.FunctionToolParam{Name: "weather", Parameters: weather}}}
	case "later":
		p.Model, p.PreviousResponseID = "second", openai.String("resp_short1")
	}
	return p
}

func responseSeen(r *responses.Response) doc {
	var items, refusals, tools, cited, images []any
	for _, item := range r.Output {
		items = append(items, []any{item.Type, item.ID})
		switch item.Type {
		case "function_call":
			call := item.AsFunctionCall()
			tools = append(tools, []any{call.CallID, call.Name, raw(call.Arguments)})
		case "image_generation_call":
			images = append(images, item.Result)
		}
		for _, part := range item.Content {
			refusals = append(refusals, part.Refusal)
			for _, a := range part.Annotations {
				cited = append(cited, []any{covered(part.Text, a.StartIndex, a.EndIndex), a.URL})
			}
		}
	}
	return doc{
		"texts": []any{r.OutputText()}, "items": items, "refusals": refusals, "tools": tools, "cited": cited, "images": images,
		"finish": []any{r.Status, r.IncompleteDetails.Reason}, "usage": raw(r.Usage.RawJSON()),
	}
}

func response(url, scenario string) (doc, error) {
	c := openAI(url)
	r, err := c.Responses.New(context.Background(), responseRequest(scenario))
	if err != nil {
		return nil, err
	}
	seen := responseSeen(r)
	seen["field"] = raw(r.JSON.ExtraFields["ai_disclosure"].Raw())
	return seen, nil
}

// responseStream compares the deltas with every later event that repeats them.
func responseStream(url, scenario string) (doc, error) {
	c := openAI(url)
	stream := c.Responses.NewStreaming(context.Background(), responseRequest(scenario))
	var final responses.Response
	var numbers, echoes, partial, whole []any
	joined := ""
	for stream.Next() {
		e := stream.Current()
		numbers = append(numbers, []any{e.Type, e.SequenceNumber})
		switch e.Type {
		case "response.output_text.delta":
			joined += e.Delta
		case "response.output_text.done":
			echoes = append(echoes, e.Text)
		case "response.content_part.done":
			echoes = append(echoes, e.Part.Text)
		case "response.output_item.done":
			for _, part := range e.Item.Content {
				echoes = append(echoes, part.Text)
			}
			if e.Item.Result != "" {
				whole = append(whole, e.Item.Result)
			}
		case "response.image_generation_call.partial_image":
			partial = append(partial, e.PartialImageB64)
		case "response.completed", "response.incomplete":
			final = e.Response
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	seen := responseSeen(&final)
	images, _ := seen["images"].([]any)
	seen["repeated"], seen["images"] = reflect.DeepEqual(images, whole), append(partial, images...)
	seen["deltas"], seen["numbers"], seen["echoes"] = []any{joined}, numbers, echoes
	return seen, nil
}

func addResponses() {
	add("openai-go/openai-responses", "json", response, "short", "long", "json", "tools", "refusal", "reasoning", "cited", "image", "later")
	add("openai-go/openai-responses", "stream", responseStream, "short", "long", "long-crlf", "json", "tools", "refusal", "reasoning", "cited", "image", "incomplete", "later")
}

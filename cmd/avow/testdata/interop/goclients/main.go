// Goclients runs the official Go clients against a base URL and prints what
// each of them saw, one JSON document a line, as clients.mjs does for Node.
//
// Usage: goclients BASE-URL
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

const (
	question = "Tell me about lighthouses."
	followUp = "And in the fog?"
)

// A doc is what one case saw. The Go test knows texts (one a choice), deltas
// (of a stream, joined), images and field; all else has to be equal.
type doc = map[string]any

// A run is one case; it talks to url and names the recorded answer it wants.
type run func(url, scenario string) (doc, error)

// cases by client/shape/scenario/way. The name is part of the URL.
var cases = map[string]run{}

// add names one run for several scenarios.
func add(prefix, way string, r run, scenarios ...string) {
	for _, s := range scenarios {
		cases[prefix+"/"+s+"/"+way] = r
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: goclients BASE-URL")
		os.Exit(2)
	}
	addOpenAI()
	addResponses()
	addAnthropic()
	addGemini()
	addOllama()
	out := json.NewEncoder(os.Stdout)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		url := os.Args[1] + "/case/" + strings.ReplaceAll(name, "/", "~")
		seen, err := cases[name](url, strings.Split(name, "/")[2])
		if err != nil {
			seen = doc{"error": err.Error()}
		}
		seen["case"] = name
		if err := out.Encode(seen); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// raw returns v as the JSON it came from, to be compared member by member.
func raw(s string) any {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return nil
	}
	return v
}

// covered returns what offsets in code points cover, as OpenAI counts them.
func covered(text string, start, end int64) string {
	r := []rune(text)
	if start < 0 || end > int64(len(r)) || start > end {
		return fmt.Sprintf("outside: %d-%d of %d", start, end, len(r))
	}
	return string(r[start:end])
}

// coveredBytes is the same for offsets in bytes, as Gemini counts them.
func coveredBytes(text string, start, end int32) string {
	if start < 0 || int(end) > len(text) || start > end {
		return fmt.Sprintf("outside: %d-%d of %d", start, end, len(text))
	}
	return text[start:end]
}

// weather is the schema of the one tool that the clients offer.
var weather = map[string]any{
	"type": "object", "properties": map[string]any{"place": map[string]any{"type": "string"}}, "required": []string{"place"},
}

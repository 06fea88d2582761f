package demo

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// A rule answers what contains one of its words. %s is what follows the word,
// turned to the speaker's side.
type rule struct {
	words   []string
	answers []string
}

// rules are tried in order, in the manner of ELIZA (Weizenbaum, 1966).
var rules = []rule{
	{[]string{"hello", "hi ", "good morning", "good evening"}, []string{
		"Hello! I am a small set of rules that plays a chatbot. What would you like to talk about?",
		"Good to hear from you. Ask me anything; I will do my best with the few rules I have.",
	}},
	{[]string{"are you human", "are you a human", "are you an ai", "are you a bot", "who are you", "what are you"}, []string{
		"I am not a person. In this demo I am not even an AI model: a handful of rules stands in for one, so that you can see what avow does to an answer.",
	}},
	{[]string{"story"}, []string{story}},
	{[]string{"lighthouse"}, []string{
		"A lighthouse marks a coast for ships. Its lamp turns behind a lens, so that each lighthouse has a rhythm of its own by which sailors tell it from the others.",
		"The lens of a lighthouse gathers the light of a small lamp into a beam that can be seen for twenty miles on a clear night.",
	}},
	{[]string{"weather", "rain", "sun"}, []string{
		"I cannot look out of a window. If you tell me what the sky looks like, I can say something sensible about umbrellas.",
	}},
	{[]string{"i feel ", "i am ", "i'm "}, []string{
		"How long have you been %s?",
		"What makes you say that you are %s?",
	}},
	{[]string{"i need ", "i want "}, []string{
		"What would it change for you to have %s?",
	}},
	{[]string{"because"}, []string{"Is that the only reason, or do others come to mind?"}},
	{[]string{"thank"}, []string{"You are welcome. Is there anything else?"}},
	{[]string{"?"}, []string{
		"That is a good question. The rules behind this demo do not know the answer, but a model behind avow in your own setup may.",
		"I would have to guess, and a demo should not guess. What do you think yourself?",
	}},
}

// story is long enough to carry text marks.
const story = `The lamp had burned for ninety years when the keeper wrote the last line into the book. Nobody had asked for the line, and nobody would read it before the spring, but every keeper before her had written one each night, and she saw no reason to be the first who did not. The wind had turned in the afternoon. By dusk the sea stood white against the rocks, and the glass in the lantern room shook in its frame.

She climbed the stairs a second time, because the beam seemed slower than it should be. It was not. It only seemed so, as things do when one waits for something. Far out a ship answered with two short lights, and she felt the old comfort of being seen by someone who would never know her name. A lighthouse talks all night and nobody replies, her father used to say, except that now and then somebody arrives.

In the morning the water was flat and brown, and the beach was full of wood. She walked along the line that the tide had drawn and found a door, a chair without a seat, and a box of oranges that had come from the south without a word of where they were going. She took one, sat down on the chair as well as she could, and ate it in the cold light. Then she went up again to turn off the lamp, and wrote a line about the oranges, because somebody might wonder.`

var otherwise = []string{
	"Tell me more about that.",
	"I see. And what follows from it?",
	"Let us stay with that for a moment: what matters most to you about it?",
}

// Reply answers the last message of a conversation. The same conversation gets
// the same answer.
func Reply(conversation []message) string {
	last := ""
	for _, m := range conversation {
		if m.Role == "user" {
			last = m.Content
		}
	}
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%d%s", len(conversation), last)
	pick := func(from []string) string { return from[int(h.Sum32())%len(from)] }
	lower := strings.ToLower(last) + " "
	for _, r := range rules {
		for _, w := range r.words {
			_, rest, ok := strings.Cut(lower, w)
			if !ok {
				continue
			}
			answer := pick(r.answers)
			if strings.Contains(answer, "%s") {
				return fmt.Sprintf(answer, turned(rest))
			}
			return answer
		}
	}
	return pick(otherwise)
}

// turned speaks of the speaker: my becomes your.
func turned(phrase string) string {
	swap := map[string]string{"my": "your", "me": "you", "i": "you", "am": "are", "mine": "yours", "your": "my", "you": "I"}
	words := strings.Fields(strings.Trim(phrase, " .!?"))
	for i, w := range words {
		if s, ok := swap[w]; ok {
			words[i] = s
		}
	}
	if len(words) == 0 {
		return "that way"
	}
	return strings.Join(words[:min(len(words), 20)], " ")
}

// tokens cuts an answer as most tokenizers do: a space leads its word.
func tokens(answer string) []string {
	var out []string
	for i, word := range strings.Split(answer, " ") {
		if i > 0 {
			word = " " + word
		}
		out = append(out, word)
	}
	return out
}

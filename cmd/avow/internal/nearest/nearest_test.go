package nearest

import "testing"

func TestWord(t *testing.T) {
	known := []string{"upstream", "listen", "provider"}
	for word, want := range map[string]string{
		"upsteam": "upstream", "listn": "listen", "providers": "provider", "zebra-crossing": "", "x": "",
	} {
		if got := Word(word, known); got != want {
			t.Errorf("Word(%q) = %q, want %q", word, got, want)
		}
	}
}

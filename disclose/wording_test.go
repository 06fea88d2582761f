package disclose

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// goldenEnglish is what programs and documents may quote: the English sentences
// and names. A change of one is a change for every language.
var goldenEnglish = map[string]map[string]string{
	wordsSummary: {
		"record_matches":      "Carries a mark of this deployment, and its content matches the record.",
		"key_matches":         "Carries a mark of this deployment's key. Its content was not compared with a record, so the mark may have been copied from elsewhere.",
		"no_record":           "Carries a mark that one of this deployment's keys reads, but no record of it is known.",
		"possible_copy":       "Carries a mark, but its content does not match the output that was recorded: possibly a copy of the mark.",
		"fingerprint_only":    "Carries no mark that could be read, but its content matches a recorded output.",
		"template_only":       "Carries the public part of an avow mark. Anyone can write that part; whose mark it is needs the key.",
		"statement_only":      "States that it is AI-generated. Anyone could have written the statement.",
		"signature_trusted":   "Carries a signed statement of its origin by a trusted signer. The signature shows who signed and that nothing was changed since, not that the statement is true.",
		"signature_untrusted": "Carries a signed statement of its origin; the signer is not on a trust list.",
		"tampered":            "Carries a signed statement that does not fit its content: one of them was changed.",
		"conflicting_ids":     "Its marks name different outputs: at least one was put there from elsewhere.",
		"revoked_key":         "Carries a mark of a revoked key, which cannot be relied on.",
		"too_small":           "Too small to tell whether it carries an image mark.",
		"nothing_found":       "No mark found. This does not show that a person made it.",
	},
	wordsLimits: {"limits": "No mark found would not show that a person made this. Marks can be removed, and most AI systems do not use these."},
	wordsCarrier: {
		"header": "response header", "notice": "notice", "field": "data field", "text_mark": "text mark",
		"token_mark": "token mark", "image_mark": "image mark", "metadata": "metadata",
		"manifest": "manifest (C2PA)", "fingerprint": "content fingerprint",
	},
	wordsStatus: {
		"verified": "found, vouched for by a key or a trusted signature", "present": "found",
		"absent": "not found", "not_checked": "not looked for", "invalid": "found, but contradictory",
	},
	wordsRecord: {
		"match": "matches the record", "possible_copy": "differs from the record, possibly a copied mark",
		"not_found": "no record found", "not_asked": "not compared with records",
		"unavailable": "records not available", "erased": "record erased",
	},
}

// sameAsEnglish are the cells that are rightly spelled as in English.
var sameAsEnglish = map[string][]string{
	"metadata": {"cs", "da", "mt", "nl", "sv"},
	"manifest": {"cs", "da", "et", "ga", "hr", "hu", "it", "mt", "nl", "pl", "ro", "sk", "sl", "sv"},
}

// forbidden are beginnings of words that claim more than a mark can show:
// verified, real, authentic, genuine, fake, proof.
var forbidden = map[string]string{
	"bg": "проверен|потвърден|истинск|автентич|достовер|реалн|фалшив|подправен|доказ|доказан",
	"hr": "provjeren|potvrđen|verific|stvarn|istinit|autentič|lažn|krivotvor|dokaz|dokazan",
	"cs": "ověřen|potvrzen|verifik|skutečn|pravý|pravá|pravé|autentic|falešn|padělan|důkaz|dokaz",
	"da": "verificer|bekræft|ægte|virkelig|autentisk|falsk|forfalsk|bevis",
	"nl": "geverifieerd|bevestigd|echt|werkelijk|authentiek|nep|vals|vervals|bewijs|bewezen",
	"en": "verified|verif|confirm|real|authentic|genuine|fake|forge|proof|prove|human|compliant",
	"et": "kontrollitud|kinnita|tõeli|ehtne|ehtsa|ehtsu|autent|võlts|tõend|tõesta",
	"fi": "vahvist|varmenne|todenne|aito|aido|todelli|autent|väären|todist",
	"fr": "vérifi|confirm|réel|authenti|véritable|vrai|faux|fausse|falsifi|preuve|prouv",
	"de": "verifizier|geprüft|bestätigt|echt|authenti|wirklich|gefälscht|fälsch|falsch|beweis|bewiesen",
	"el": "επαληθευ|επιβεβαιω|αυθεντικ|γνήσι|αληθιν|πραγματικ|πλαστ|ψεύτικ|αποδεικ|απόδειξ",
	"hu": "ellenőrz|igazol|hitel|valódi|valós|eredeti|hamis|bizonyít",
	"ga": "fíor|dearbh|barántúil|bréag|falsa|cruthú|cruthaíonn|cruthaigh",
	"it": "verific|conferm|reale|reali|autentic|genuin|vero|vera|fals|contraffat|prova|prove",
	"lv": "pārbaud|apstiprin|īst|autent|reāl|viltot|viltus|pierād",
	"lt": "patvirtint|patikrint|tikr|autent|realu|reali|suklast|netikr|įrodym|įrodo",
	"mt": "verifik|ivverifik|ikkonferm|awtenti|ġenwin|reali|falz|prova|provi",
	"pl": "zweryfik|potwierdz|prawdziw|rzeczywist|autent|fałsz|sfałsz|podrob|dowód|dowod",
	"pt": "verific|confirm|real|reais|autêntic|genuín|verdadeir|fals|prova",
	"ro": "verific|confirm|real|reale|autent|genuin|adevărat|fals|dovad|dovedi|dovede",
	"sk": "overen|potvrden|verifik|skutočn|pravý|pravá|pravé|autentic|falošn|sfalšovan|dôkaz|dokaz",
	"sl": "preverjen|potrjen|resničn|pristn|pravi|prava|avtenti|lažn|ponarejen|dokaz",
	"es": "verific|confirm|real|reales|auténtic|genuin|verdader|falso|falsa|falsific|prueba",
	"sv": "verifier|bekräft|äkta|verklig|autent|falsk|förfalsk|bevis",
}

// eachWord calls f with every cell that the table has to have.
func eachWord(f func(tag language.Tag, kind, key, text string)) {
	for _, tag := range Languages() {
		for kind, keys := range goldenEnglish {
			for key := range keys {
				f(tag, kind, key, reportWords[wordKey{tag.String(), kind, key}])
			}
		}
	}
}

func TestWordingIsWholeAndClean(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(wordingTSV, "\n"), "\n")
	want := 1
	eachWord(func(language.Tag, string, string, string) { want++ })
	if len(lines) != want || len(reportWords) != want-1 || lines[0] != "lang\tkind\tkey\ttext" {
		t.Fatalf("%d lines with %d cells below %q, want %d lines", len(lines), len(reportWords), lines[0], want)
	}
	for i, line := range lines {
		if strings.Count(line, "\t") != 3 {
			t.Errorf("line %d: %q has not 4 columns", i+1, line)
		}
	}
	eachWord(func(tag language.Tag, kind, key, text string) {
		longest := map[string]int{wordsSummary: 280, wordsLimits: 280, wordsCarrier: 40, wordsStatus: 90, wordsRecord: 90}[kind]
		n := utf8.RuneCountInString(text)
		switch sentence := kind == wordsSummary || kind == wordsLimits; {
		case n < 4 || n > longest:
			t.Errorf("%s %s: %q has %d letters, want 4 to %d", tag, key, text, n, longest)
		case strings.TrimSpace(text) != text || strings.Contains(text, "  ") || strings.ContainsAny(text, "<>\"") || strings.ContainsFunc(text, invisible):
			t.Errorf("%s %s: %q has stray or invisible characters", tag, key, text)
		case !norm.NFC.IsNormalString(text):
			t.Errorf("%s %s: %q is not NFC", tag, key, text)
		case strings.Contains(text, "'") && tag != language.English:
			t.Errorf("%s %s: %q has a typewriter's apostrophe", tag, key, text)
		case sentence != strings.HasSuffix(text, "."):
			t.Errorf("%s %s: sentences end with a full stop and names without: %q", tag, key, text)
		case sentence && !unicode.IsUpper([]rune(text)[0]):
			t.Errorf("%s %s: %q begins in lower case", tag, key, text)
		}
	})
}

// The English cells are the source, and the constant that programs use is one
// of them.
func TestWordingEnglish(t *testing.T) {
	for kind, keys := range goldenEnglish {
		for key, want := range keys {
			if got := word(language.English, kind, key); got != want {
				t.Errorf("%s %s = %q, want %q", kind, key, got, want)
			}
		}
	}
	if LimitsText(language.English) != Limits {
		t.Errorf("limits %q, want %q", LimitsText(language.English), Limits)
	}
}

func TestWordingIsTranslated(t *testing.T) {
	seen := map[string]string{}
	eachWord(func(tag language.Tag, kind, key, text string) {
		lang := tag.String()
		if same := text == goldenEnglish[kind][key]; lang != "en" && same != (kind == wordsCarrier && slices.Contains(sameAsEnglish[key], lang)) {
			t.Errorf("%s %s: %q, the same as in English: %v", lang, key, text, same)
		}
		if kind != wordsSummary && kind != wordsLimits {
			return
		}
		if other := seen[text]; other != "" {
			t.Errorf("%s %s: %q also stands for %s", lang, key, text, other)
		}
		seen[text] = lang + " " + key
	})
	for _, tag := range Languages() {
		names := map[string]bool{}
		for key := range goldenEnglish[wordsCarrier] {
			names[word(tag, wordsCarrier, key)] = true
		}
		for key := range goldenEnglish[wordsStatus] {
			names[word(tag, wordsStatus, key)] = true
		}
		for key := range goldenEnglish[wordsRecord] {
			names[word(tag, wordsRecord, key)] = true
		}
		if len(names) != 9+5+6 {
			t.Errorf("%s: %d different names, want 20", tag, len(names))
		}
	}
}

// A letter of another script looks right and is not found by searching.
func TestWordingKeepsToOneScript(t *testing.T) {
	foreign := strings.NewReplacer("avow", "", "C2PA", "")
	eachWord(func(tag language.Tag, _, key, text string) {
		script := unicode.Latin
		switch tag.String() {
		case "bg":
			script = unicode.Cyrillic
		case "el":
			script = unicode.Greek
		}
		for _, r := range foreign.Replace(text) {
			if unicode.IsLetter(r) && !unicode.Is(script, r) {
				t.Errorf("%s %s: %q has the letter %q", tag, key, text, r)
			}
		}
	})
}

func TestWordingClaimsNothing(t *testing.T) {
	common := folded("verified|authentic|genuine|fake|human-made|100|%")
	eachWord(func(tag language.Tag, _, key, text string) {
		stems := folded(forbidden[tag.String()])
		if len(stems) < 6 {
			t.Fatalf("%s has no list of forbidden words", tag)
		}
		for _, stem := range slices.Concat(common, stems) {
			if startsWord(fold(text), []string{stem}) {
				t.Errorf("%s %s: %q has a word in %s", tag, key, text, stem)
			}
		}
	})
}

// markWords are the beginnings of the one word for a mark, by language.
var markWords = map[string]string{
	"bg": "маркировк", "hr": "oznak", "cs": "označen", "da": "mærkning", "nl": "markering", "en": "mark",
	"et": "märgis", "fi": "merki", "fr": "marquage", "de": "kennzeichnung", "el": "σήμανσ|σημάνσ", "hu": "jelölés",
	"ga": "marc|mharc", "it": "marcatur", "lv": "marķējum", "lt": "žym", "mt": "mark", "pl": "oznakowan",
	"pt": "marcaç|marcaçõ", "ro": "marcaj", "sk": "označen", "sl": "oznak", "es": "marca", "sv": "märkning",
}

func TestWordingHasOneWordForMarks(t *testing.T) {
	speak := map[string][]string{
		wordsLimits:  {"limits"},
		wordsCarrier: {"text_mark", "token_mark", "image_mark"},
		wordsSummary: {"record_matches", "key_matches", "no_record", "possible_copy", "fingerprint_only", "template_only",
			"conflicting_ids", "revoked_key", "too_small", "nothing_found"},
		wordsRecord: {"possible_copy"},
	}
	eachWord(func(tag language.Tag, kind, key, text string) {
		has := slices.ContainsFunc(folded(markWords[tag.String()]), func(word string) bool { return strings.Contains(fold(text), word) })
		if has != slices.Contains(speak[kind], key) {
			t.Errorf("%s %s %s: %q speaks of marks: %v", tag, kind, key, text, has)
		}
	})
}

// What is not found is never left without the sentence that it shows nothing,
// and AI is named as the notices name it.
func TestWordingOfAbsence(t *testing.T) {
	for _, w := range wordings {
		nothing, limits := SummaryText(w.tag, CauseNothingFound), LimitsText(w.tag)
		if strings.Count(nothing, ". ") != 1 || strings.Count(limits, ". ") != 1 {
			t.Errorf("%s: %q and %q have to be two sentences each", w.tag, nothing, limits)
		}
		for _, text := range []string{limits, SummaryText(w.tag, CauseStatementOnly)} {
			if !namesAI(w, text) {
				t.Errorf("%s: %q does not name AI as the notices do", w.tag, text)
			}
		}
		if namesAI(w, nothing) {
			t.Errorf("%s: %q speaks of AI where nothing was found", w.tag, nothing)
		}
	}
}

func TestReportIn(t *testing.T) {
	r := &Report{Reason: CauseNothingFound, Verdict: Absent, Summary: SummaryText(language.English, CauseNothingFound), Limits: Limits,
		Findings: []Finding{{Carrier: "header", Status: NotChecked}}}
	for _, c := range []struct{ tag, language, summary string }{
		{"de", "de", "Keine Kennzeichnung gefunden. Daraus folgt nicht, dass ein Mensch dies erstellt hat."},
		{"de-AT", "de", "Keine Kennzeichnung gefunden. Daraus folgt nicht, dass ein Mensch dies erstellt hat."},
		{"pt-BR", "pt", "Não foi encontrada nenhuma marcação. Tal não demonstra que o conteúdo tenha sido criado por uma pessoa."},
		{"en-GB", "", r.Summary}, {"uk", "", r.Summary}, {"ar", "", r.Summary}, {"und", "", r.Summary},
	} {
		got := r.In(language.MustParse(c.tag))
		if got.Language != c.language || got.Summary != c.summary || (got.Limits == Limits) != (c.language == "") {
			t.Errorf("%s: %q %q %q", c.tag, got.Language, got.Summary, got.Limits)
		}
		if back := got.In(language.English); back.Language != "" || back.Summary != r.Summary || back.Limits != Limits {
			t.Errorf("%s and back: %+v", c.tag, back)
		}
		got.Findings[0].Status = Present
		if r.Language != "" || r.Limits != Limits || r.Findings[0].Status != NotChecked {
			t.Fatalf("%s: In changed the report itself", c.tag)
		}
		body, err := json.Marshal(got)
		if err != nil || strings.Contains(string(body), `"language"`) != (c.language != "") {
			t.Errorf("%s: %v %s", c.tag, err, body)
		}
	}
	own := &Report{Reason: "another", Summary: "Another sentence."}
	if got := own.In(language.French); got.Summary != own.Summary || got.Limits != LimitsText(language.French) {
		t.Errorf("a cause without a sentence: %+v", got)
	}
}

func TestWordLookups(t *testing.T) {
	for _, c := range []struct{ name, got, want string }{
		{"carrier", CarrierName(language.German, CarrierImageMark), "Bildkennzeichnung"},
		{"region", CarrierName(language.MustParse("fr-CA"), CarrierTextMark), "marquage de texte"},
		{"fallback", CarrierName(language.Thai, CarrierHeader), "response header"},
		{"in no report", CarrierName(language.German, CarrierVisibleLabel), "visible_label"},
		{"status", StatusText(language.Polish, Absent), "nie znaleziono"},
		{"other status", StatusText(language.Polish, "new"), "new"},
		{"record", RecordText(language.Spanish, "erased"), "registro borrado"},
		{"other record", RecordText(language.Spanish, "partial"), "partial"},
		{"summary", SummaryText(language.English, CauseTooSmall), "Too small to tell whether it carries an image mark."},
		{"other summary", SummaryText(language.English, "new"), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	for _, c := range Carriers() {
		if CarrierName(language.English, c) == "" || word(language.English, wordsCarrier, c.String()) == "" {
			t.Errorf("carrier %s has no name", c)
		}
	}
}

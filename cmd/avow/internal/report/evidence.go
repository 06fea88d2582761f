package report

// evidence are the rules of group E.
var evidence = map[string]rule{
	"E1": func(*facts) answer { return does(Covered, "This report is such an analysis of the technical part.") },
	"E2": func(f *facts) answer {
		if !f.ledgerOn() {
			return does(Off, f.ledger())
		}
		return does(Covered, f.ledger(), "Rows are chained by hashes: notices given, marks applied, skips with their reasons, sessions under a pseudonym.", f.retention())
	},
	"E3": func(*facts) answer {
		return does(Covered, "Neither reports nor documents do; a test looks for such sentences.")
	},
}

package report

// label are the rules of group V.
var label = map[string]rule{
	"V1": func(f *facts) answer {
		switch {
		case f.c.Image.Label.On && len(f.deepfake) == 0:
			return does(Covered, "Every picture that is marked gets the visible label (image.label).")
		case len(f.deepfake) > 0:
			return does(Covered, list("Pictures are labelled as deep fakes on: ", f.deepfake, ""), "Sound and video are not labelled.")
		}
		return does(Operator, "No route declares a deep fake (publication).")
	},
	"V2": func(f *facts) answer {
		if len(f.interest) == 0 {
			return does(Operator, "No route declares a text of public interest (publication).")
		}
		return does(Covered, list("Texts are labelled, unless a review covers exactly this version, on: ", f.interest, ""))
	},
	"V3": func(f *facts) answer {
		switch {
		case f.c.Image.Label.On && f.c.Image.Label.Looks.Badge == "none":
			return does(Partly, "image.label has no badge: people see a QR code at most.")
		case f.c.Image.Label.On:
			return does(Covered, "The label on pictures is "+badges[f.c.Image.Label.Looks.Badge]+", white on black.")
		case len(f.deepfake)+len(f.interest) > 0:
			return does(Covered, `Where a route's content needs a label, it is "AI" in capitals.`)
		}
		return does(Off, "image.label is off, and no route declares publications.")
	},
	"V4": func(f *facts) answer {
		corner := "top_right"
		if c := f.c.Image.Label.Looks.Corner; c != "" {
			corner = c
		}
		switch {
		case f.c.Image.Label.On:
			return does(Partly, "The label is drawn into pictures ("+shown(corner)+").", "Pictures without room for it go out without, and are counted.")
		case len(f.deepfake)+len(f.interest) > 0:
			return does(Partly, "Labels that are due stand in a corner of the picture, or above the text's first line.")
		}
		return does(Off, "image.label is off, and no route declares publications.")
	},
	"V5": func(*facts) answer { return does(Operator, "Sound is not changed.") },
	"V6": func(*facts) answer { return does(Covered, "Only generated and modified are told apart.") },
	"V7": func(f *facts) answer {
		if f.c.Image.Label.On {
			return does(Covered, "image.label is on.")
		}
		return does(Off, "image.label is off: nobody is offered a label here. Single files get one with avow mark --label.")
	},
	"V8": func(f *facts) answer {
		status := Partly
		switch {
		case f.public != "" && f.ledgerOn():
			status = Covered
		case f.public == "" && !f.ledgerOn():
			status = Off
		}
		return does(status, when(f.public == "", noPages, "Reports of a wrong or missing mark are taken at "+f.public+"/v1/feedback."),
			when(f.ledgerOn(), "What was left out, and why, is on record.", f.ledger()))
	},
}

var badges = map[string]string{"": `"AI"`, "ai": `"AI"`, "ai_generated": `"AI GENERATED"`, "ai_modified": `"AI MODIFIED"`}

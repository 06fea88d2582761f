package report

import (
	"fmt"

	"github.com/avowai/avow/disclose"
)

// detection are the rules of group D.
var detection = map[string]rule{
	"D1": func(f *facts) answer {
		return f.pages("Page and API look for every mark that is written here, without an account; so does avow verify.", f.keys())
	},
	"D2": func(f *facts) answer {
		return f.pages("A report has one finding for each carrier, with the chance of a false alarm, and can be had signed (JWS).",
			when(f.public == "", "Reports of avow verify are not signed.", ""))
	},
	"D3": func(*facts) answer {
		return does(Covered, "Every report ends by saying what the absence of a mark does not show.")
	},
	"D4": func(f *facts) answer {
		if f.public == "" {
			return does(Off, noPages)
		}
		return does(Partly, "Page and API take files and texts, keep and log nothing of them, show no personal metadata, and take feedback.",
			"Whether they take URLs is a setting of its own, off by default.")
	},
	"D5": signpost,
	"D6": func(f *facts) answer {
		return does(Off, when(f.public == "", noPages, "Everybody may ask, with coarse answers; nothing is limited to experts."))
	},
	"D7": func(f *facts) answer {
		return does(when(len(f.Keys) > 0, Covered, Partly), f.keys(), f.ending(), "A key that no longer marks goes on verifying; formats have versions, and older ones stay readable.")
	},
	"D8": func(f *facts) answer {
		return does(when(f.public == "", Operator, Partly), "What arrives with a manifest keeps it as the parent of ours.", when(f.public == "", noPages, "The API says of any file whether provenance is there, who signed it, and which system is named."))
	},
}

// pages is an answer about the public pages, which may be off.
func (f *facts) pages(sentences ...string) answer {
	if f.public == "" {
		return does(Partly, append([]string{noPages}, sentences[1:]...)...)
	}
	return does(Covered, sentences...)
}

// signpost: content says which detector to ask.
func signpost(f *facts) answer {
	named := f.c.Detector != ""
	carried := f.has(disclose.CarrierMetadata) || f.has(disclose.CarrierField)
	a := does(Off, when(named, fmt.Sprintf("Fields and metadata name the detector at %s.", shown(f.c.Detector)), "No content names a detector (detector is empty)."),
		f.switchedOff(disclose.CarrierField, disclose.CarrierMetadata, disclose.CarrierManifest),
		when(f.public == "", noPages, "The well-known document names it, and C2PA's soft binding resolution answers."))
	switch {
	case named && carried && f.has(disclose.CarrierManifest) && f.public != "":
		a.status = Covered
	case named && carried || f.public != "":
		a.status = Partly
	}
	return a
}

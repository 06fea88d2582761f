package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/avowai/avow/disclose"
)

// marks are the carriers that machines read, beside the header.
var marks = []disclose.Carrier{disclose.CarrierField, disclose.CarrierTextMark, disclose.CarrierImageMark, disclose.CarrierMetadata, disclose.CarrierManifest}

// marking are the rules of group M.
var marking = map[string]rule{
	"M1": markAndDetect,
	"M2": twoLayers,
	"M3": func(f *facts) answer {
		switch {
		case !f.has(disclose.CarrierManifest):
			return does(Off, f.switchedOff(disclose.CarrierManifest))
		case !f.fullySigned() || !f.everywhere(disclose.CarrierManifest):
			return does(Partly, f.signer(), f.stamps(), f.routesWithout(disclose.CarrierManifest))
		}
		return does(Covered, f.signer(), f.stamps())
	},
	"M4": freeText,
	"M5": func(f *facts) answer {
		if !f.ledgerOn() {
			return does(Off, f.ledger(), "A mark is reported all the same, without a comparison with a record.")
		}
		return does(Covered, f.ledger(), when(f.c.Ledger.Fingerprints, "Keyed fingerprints of outputs are kept with them.", "Fingerprints are off (ledger.fingerprints): content cannot be compared with its record."),
			f.retention(), "Prompts, user ids and network addresses are never kept.")
	},
	"M6": func(f *facts) answer {
		return does(when(f.has(disclose.CarrierManifest), Covered, Partly), "Metadata of others stay, and so do a backend's own marks in texts. There is no command that removes marks.",
			when(f.has(disclose.CarrierManifest), "A manifest that arrives becomes the parent of the new one.", "Manifests are off: none is made whose parent an arriving one could be."))
	},
	"M7": func(f *facts) answer {
		return does(Covered, "Marks hold the provider, the system and its version, the model, a time and a random id; never prompts, user names or places.",
			list("Written into marks here: ", f.written(), "Nothing of it is set here: marks hold a time and an id."))
	},
	"M8": func(f *facts) answer {
		return does(Covered, "JSON mode, tool calls, code and short texts are recognised and left without marks that would disturb them; each is counted with its reason.",
			list("Routes of code: ", f.code, ""))
	},
	"M9": func(f *facts) answer {
		if len(f.edited) == 0 {
			return does(Operator, "No route declares standard editing: every answer of an AI route is marked.")
		}
		return does(Covered, list("Pass with the header, and are counted: ", f.edited, ""))
	},
	"M10": func(f *facts) answer {
		return does(Covered, append(sentences(f.exempt, "No route is exempt."), "A route is left unmarked only with a reason, an owner and a date.")...)
	},
	"M11": func(f *facts) answer {
		a := markAndDetect(f)
		return does(a.status, when(a.status == Off, "Outputs get the header; a supplier's marks stay.",
			"Every AI output gets this deployment's own marks, whatever its supplier did; a supplier's marks are kept beside them."), f.switchedOff(marks...),
			when(len(f.c.Trust.Roots) > 0, "Suppliers' manifests are checked against the trust lists of trust.roots.", "No trust list is given (trust.roots): no signer of a supplier's manifest is known."))
	},
	"M12": func(f *facts) answer {
		return does(Partly, "Robustness, false alarms and the share of outputs that are marked are measured on test pictures, and the figures come with the release.",
			when(f.has(disclose.CarrierImageMark), fmt.Sprintf("image.strength is %g; the figures are for 1.", f.c.Image.Strength), f.switchedOff(disclose.CarrierImageMark)), "Your own content has not been measured.")
	},
	"M13": failing,
	"M14": func(*facts) answer {
		return does(Covered, "Length, validators, digests, ranges and trailers follow what was changed; signed messages and partial content are left alone; every byte outside the marks stays.")
	},
}

func markAndDetect(f *facts) answer {
	var on []string
	for _, c := range f.on.List() {
		on = append(on, c.String())
	}
	partial := f.public == "" || len(f.without) > 0
	status := Covered
	switch {
	case f.on == disclose.NewCarrierSet(disclose.CarrierHeader), f.on == disclose.NewCarrierSet(disclose.CarrierHeader, disclose.CarrierNotice):
		status = Off
	case partial || f.switchedOff(marks...) != "":
		status = Partly
	}
	a := does(status, "Carriers that are on: "+strings.Join(on, ", ")+".", f.switchedOff(marks...),
		when(f.public == "", noPages, "Each of them is read by the page, the API and avow verify."))
	for _, c := range marks {
		if s := f.routesWithout(c); s != "" {
			a.does = append(a.does, s)
		}
	}
	return a
}

func twoLayers(f *facts) answer {
	mark, manifest := f.has(disclose.CarrierImageMark), f.has(disclose.CarrierManifest)
	if !mark && !manifest {
		return does(Off, f.switchedOff(disclose.CarrierImageMark, disclose.CarrierManifest))
	}
	a := does(Partly, when(mark && manifest, "Pictures get an invisible watermark and a signed manifest that is bound to it.", f.switchedOff(disclose.CarrierImageMark, disclose.CarrierManifest)),
		when(manifest, f.signer(), ""), when(manifest, f.stamps(), ""),
		"Sound and video have one layer here, the manifest; pages have the manifest and metadata in their head; AVIF and GIF the header alone.",
		when(f.c.Image.WebP == "metadata", "Lossy WebP gets no watermark (image.webp: metadata).", "Lossy WebP is delivered as PNG, with both layers (image.webp: png)."),
		f.routesWithout(disclose.CarrierImageMark), f.routesWithout(disclose.CarrierManifest))
	if manifest && !f.fullySigned() {
		a.left = append(a.left, "Sign with a certificate of a trust list (signer.chain, signer.key), and with time stamps (signer.tsa).")
	}
	return a
}

func freeText(f *facts) answer {
	backend := when(f.c.Backend.Kind != "", "The backend's own mark is switched on ("+shown(f.c.Backend.Kind)+").", "")
	switch {
	case f.has(disclose.CarrierTextMark):
		return does(f.carrier(disclose.CarrierTextMark), fmt.Sprintf("Prose of more than 800 characters, which is about 200 tokens, gets a text mark every %d characters; shorter texts are counted.", f.c.TextMark.Distance),
			"It survives copies and excerpts, and no rewording and no filter of such characters.", backend, f.routesWithout(disclose.CarrierTextMark))
	case backend != "":
		return does(Partly, backend, f.switchedOff(disclose.CarrierTextMark))
	}
	return does(Off, f.switchedOff(disclose.CarrierTextMark))
}

func failing(f *facts) answer {
	counted := "Each case is counted with its reason."
	if f.c.Profile == "standard" {
		return does(Partly, "Profile standard: an output that cannot get a mark is sent with the header, which names what is missing.", counted)
	}
	if f.c.Image.URLOnly == "pass" {
		return does(Partly, "Profile strict: an output that cannot get a mark is withheld.", "Pictures that are given by their address alone pass with the header (image.url_only: pass).", counted)
	}
	return does(Covered, "Profile strict: an output that cannot get a mark is withheld.", counted)
}

// retention says for how long records are kept.
func (f *facts) retention() string {
	d := time.Duration(f.c.Ledger.Retention)
	if d <= 0 {
		return "Records have no end (ledger.retention)."
	}
	if days := d.Hours() / 24; days >= 1 {
		return fmt.Sprintf("Records are kept for %.0f days.", days)
	}
	return fmt.Sprintf("Records are kept for %s.", d)
}

// written are the operator's own words that go into marks.
func (f *facts) written() (out []string) {
	for _, w := range []struct{ name, value string }{
		{"provider", f.c.Provider}, {"system", f.c.System}, {"version", f.c.SystemVersion}, {"principal", f.c.Notice.Principal},
		{"China's producer code", f.c.Image.AIGC.Code.Producer},
	} {
		if w.value != "" {
			out = append(out, w.name+" "+shown(w.value))
		}
	}
	return out
}

package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose"
)

const noticeOff = "carriers.notice is off: no answer tells a person anything."

// interaction are the rules of group N.
var interaction = map[string]rule{
	"N1": func(f *facts) answer {
		return f.notice("A notice stands before the first generated word of chats, pages and plain texts, streamed or whole.",
			when(f.has(disclose.CarrierField), "The field ai_disclosure says it to user interfaces.", "carriers.field is off: user interfaces are told by the text alone."))
	},
	"N2": func(f *facts) answer {
		return f.notice("The notice goes into the first text of an answer, ahead of the model's own.",
			"Cadence "+f.c.Notice.Cadence+": "+cadences[f.c.Notice.Cadence])
	},
	"N3": func(f *facts) answer {
		return f.notice("The notice is a paragraph of its own with fixed wording, in pages an element of its own.", f.ownTexts())
	},
	"N4": func(f *facts) answer {
		a := f.notice("The notice is text; in pages it has its language, its direction and the role of a note, and the field names its language.",
			"Interfaces of your own, and sound, are out of reach.")
		if a.status == Covered {
			a.status = Partly
		}
		return a
	},
	"N5": func(f *facts) answer {
		switch f.c.Notice.Audience {
		case "plain":
			return f.notice("notice.audience is plain: short sentences, the term spelled out.")
		case "minors":
			return f.notice("notice.audience is minors: plain wording, repeated every 3 hours.")
		}
		return does(Off, "notice.audience is general: nothing is adapted.")
	},
	"N6": func(f *facts) answer {
		if !f.has(disclose.CarrierNotice) {
			return does(Off, noticeOff, "No reason for it is on record: reason, owner and date are kept for single routes.")
		}
		return f.notice(append(sentences(f.exempt, "No route is exempt."),
			"Every conversation gets the notice, unless its route is exempt with a reason, an owner and a date.")...)
	},
	"N7": func(f *facts) answer {
		if f.c.Notice.Principal == "" {
			return does(Off, "notice.principal is empty: no notice names anybody.")
		}
		a := f.notice("Notices say that the agent acts on behalf of "+shown(f.c.Notice.Principal)+".", "Key steps are known to the application alone.")
		if a.status == Covered {
			a.status = Partly
		}
		return a
	},
	"N8": func(f *facts) answer {
		if !f.has(disclose.CarrierNotice) {
			return does(Off, noticeOff)
		}
		return does(when(f.c.Notice.Session != "", Covered, Partly),
			"An answer counts as the AI's unless the application says that a person wrote or reviewed it.",
			when(f.c.Notice.Session != "", "A hand-over is announced both ways, by the session in notice.session.",
				"notice.session is empty: a hand-over between a person and the AI is not noticed."))
	},
	"N9": func(f *facts) answer {
		return f.notice(fmt.Sprintf("The notice follows Accept-Language over %d languages, else it is in English, and names its language.", len(disclose.Languages())), f.ownTexts())
	},
	"N10": func(f *facts) answer {
		status := Covered
		switch {
		case !f.has(disclose.CarrierNotice):
			return does(Off, noticeOff)
		case f.c.Notice.Cadence == "first" && f.c.Notice.Audience != "minors":
			status = Off
		case f.c.Notice.Cadence == "on_demand" && f.c.Notice.Audience != "minors":
			status = Partly
		}
		return does(status, "Cadence "+f.c.Notice.Cadence+": "+cadences[f.c.Notice.Cadence],
			when(f.c.Notice.Audience == "minors", "notice.audience is minors: every 3 hours on top of that.", ""), f.session())
	},
	"N11": func(f *facts) answer {
		switch c := f.c.Notice.Cadence; {
		case !f.has(disclose.CarrierNotice):
			return does(Off, noticeOff)
		case c == "on_demand":
			return does(Covered, "The question is recognised by whole phrases in 24 languages, and the answer to it begins with the notice; asked in other words it goes unnoticed.")
		case c == "always":
			return does(Covered, "Every answer begins with the notice.")
		}
		return does(Partly, "The question is not looked for (notice.cadence: on_demand, or always): header and well-known document answer programs alone.")
	},
	"N12": func(f *facts) answer {
		if len(f.observed) == 0 {
			return does(Operator, "No route declares that people are observed (observes).")
		}
		return does(Covered, list("Notices of their own on: ", f.observed, ""))
	},
	"N13": func(f *facts) answer {
		return does(Covered, append(sentences(f.exempt, "No route is exempt."), when(f.c.All, "Every answer counts as AI output (all: true).",
			"AI endpoints are known by their paths, and by declared routes; every other answer passes as it is."))...)
	},
	"N14": func(*facts) answer { return does(Operator, "The documentation says so.") },
}

// notice is an answer about the notice, which may be off.
func (f *facts) notice(sentences ...string) answer {
	if !f.has(disclose.CarrierNotice) {
		return does(Off, noticeOff)
	}
	return does(f.carrier(disclose.CarrierNotice), append(sentences, f.routesWithout(disclose.CarrierNotice))...)
}

var cadences = map[string]string{
	"first":     "once per conversation, known by the request's own history.",
	"always":    "in every answer.",
	"3h":        "again once the last notice is 3 hours old.",
	"7d":        "again after 7 days without an answer.",
	"on_demand": "once per conversation, and when a person asks.",
}

// session says how conversations are told apart where a timed notice needs it.
func (f *facts) session() string {
	timed := f.c.Notice.Cadence == "3h" || f.c.Notice.Cadence == "7d" || f.c.Notice.Audience == "minors"
	switch {
	case !timed:
		return ""
	case f.c.Notice.Session == "":
		return "notice.session is empty: every answer gets the notice, as no session can be told apart."
	}
	return "Conversations are told apart by " + shown(f.c.Notice.Session) + "."
}

// ownTexts names the languages of notices of the operator's own.
func (f *facts) ownTexts() string {
	if len(f.c.Notice.Text) == 0 {
		return "The built-in sentences are used."
	}
	return "Texts of your own in: " + shown(strings.Join(slices.Sorted(maps.Keys(f.c.Notice.Text)), ", ")) + "; the built-in ones elsewhere."
}

// sentences ends each with a full stop; none stands for an empty list.
func sentences(list []string, none string) []string {
	if len(list) == 0 {
		return []string{none}
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s + "."
	}
	return out
}

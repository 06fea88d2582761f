package disclose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/c2pa/textwrap"
	"github.com/avowai/avow/disclose/c2pa/validate"
	"github.com/avowai/avow/watermark"
)

// readManifest validates the manifest store in a file; named is a well-known
// generator whose name it holds, or "".
func (in *inspection) readManifest(data []byte, named string) {
	r, err := validate.Asset(in.ctx, data, in.d.o.Trust.options())
	f := manifestFinding(r, err)
	if named != "" && f.Status != Absent {
		f.Detail = Printable(strings.TrimPrefix(f.Detail+"; it names "+named, "; "))
	}
	in.set(CarrierManifest, f)
}

// manifestFinding reports on a validation. What could not be checked is never
// called valid.
func manifestFinding(r *validate.Result, err error) Finding {
	if errors.Is(err, validate.ErrTooLarge) {
		return Finding{Status: NotChecked, Detail: "a manifest is there, too large to look into"}
	}
	if err != nil || r.State == validate.None {
		return noManifest(r)
	}
	f := Finding{ID: ownBinding(r), Detail: manifestDetail(r), system: manifestSystem(r), lineage: lineageOf(r),
		opened: r.Active != nil && slices.ContainsFunc(r.Active.Ingredients,
			func(in validate.Ingredient) bool { return in.Relation == "parentOf" })}
	switch r.State {
	case validate.Trusted:
		f.Status, f.reason = Verified, CauseSignatureTrusted
	case validate.Valid:
		f.Status, f.reason = Present, CauseSignatureUntrust
	case validate.Invalid:
		f.Status, f.reason = Invalid, CauseTampered
	default: // well formed, and something in it is beyond this version
		f.Status, f.ID = NotChecked, ""
	}
	return f
}

func noManifest(r *validate.Result) Finding {
	f := Finding{Status: Absent}
	switch {
	case r == nil:
	case len(r.NotChecked) > 0:
		f = Finding{Status: NotChecked, Detail: Printable(strings.Join(r.NotChecked, "; "))}
	case r.Remote != "":
		f.Detail = "the file names a manifest elsewhere, which was not fetched"
	}
	return f
}

// ownBinding is the id that a manifest's soft binding gives for the image mark.
func ownBinding(r *validate.Result) string {
	if r.Active == nil {
		return ""
	}
	for _, b := range r.Active.SoftBindings {
		if b.Alg == ImageMarkAlg && len(b.Value) == len(watermark.Payload{}) {
			return watermark.Payload(b.Value).String()
		}
	}
	return ""
}

// manifestDetail says who signed, when, and what was said, and in an invalid
// manifest what failed.
func manifestDetail(r *validate.Result) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if codes := failures(r); r.State == validate.Invalid {
		add("%s", strings.Join(codes, ", "))
	}
	if r.Signer.Name != "" {
		add("signed by %s, issued by %s", r.Signer.Name, r.Signer.Issuer)
	}
	if r.Signer.Development {
		add("a development certificate")
	}
	if !r.Signed.IsZero() {
		by := ""
		if r.Stamped {
			by = ", time stamped by " + r.StampedBy
		}
		add("%s%s", r.Signed.UTC().Format(time.RFC3339), by)
	}
	if r.Active != nil {
		add("%s", strings.Join(sources(r.Active), " "))
	}
	for _, n := range r.NotChecked {
		add("not checked: %s", n)
	}
	return Printable(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; "))
}

// failures are the codes of the checks that failed, each once.
func failures(r *validate.Result) (codes []string) {
	for _, s := range r.Statuses {
		if s.Kind == validate.Failure && !slices.Contains(codes, s.Code) {
			codes = append(codes, s.Code)
		}
	}
	return codes
}

// manifestSystem is the software that the actions name as having made content by AI.
func manifestSystem(r *validate.Result) string {
	if r.Active == nil {
		return ""
	}
	for _, a := range r.Active.Actions {
		if isAISource(a.SourceType) && a.SoftwareAgent != "" {
			return a.SoftwareAgent
		}
	}
	return ""
}

// sources are what the actions say of the origin: the digital source types, and
// the software.
func sources(s *validate.Summary) (out []string) {
	for _, a := range s.Actions {
		for _, text := range []string{lastPart(a.SourceType), a.SoftwareAgent} {
			if text != "" && !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return out
}

// bindingConflict reports whether a manifest that holds names another id than
// the image mark does. Where the content was opened from a parent, the mark may
// be the parent's.
func (in *inspection) bindingConflict() bool {
	mark, manifest := in.found[CarrierImageMark], in.found[CarrierManifest]
	return mark.ID != "" && mark.reason != CauseRevokedKey && manifest.ID != "" && manifest.ID != mark.ID && !manifest.opened &&
		(manifest.Status == Verified || manifest.Status == Present)
}

// wrapperFinding validates the manifest that is wrapped into a text.
func (in *inspection) wrapperFinding(text string) Finding {
	w, ok := textwrap.Find(text)
	if !ok {
		return Finding{Status: Present, reason: CauseStatementOnly, Detail: "the head of a C2PA manifest is there, broken or more than once: nothing can be read from it"}
	}
	o := in.d.o.Trust.options()
	o.Text, o.Exclude = true, []container.Range{{Start: int64(w.Start), Length: int64(w.Length)}}
	r, err := validate.Detached(in.ctx, w.Store, []byte(text), o)
	if err == nil && r.State == validate.Invalid && r.Active == nil {
		return Finding{Status: Present, reason: CauseStatementOnly, Detail: "a C2PA manifest is wrapped into the text, and cannot be read"}
	}
	return manifestFinding(r, err)
}

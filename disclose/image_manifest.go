package disclose

import (
	"errors"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/c2pa/validate"
	"github.com/avowai/avow/disclose/imagemeta"
	"github.com/avowai/avow/watermark"
)

// openManifest takes the manifest off a picture that arrives signed, to be the
// parent of ours. It reports false where the picture stays as it is: it is
// signed by this deployment already, or its manifest cannot be carried over.
func (j *imageJob) openManifest() bool {
	if !j.info.HasC2PA {
		return true
	}
	p := j.im.o.Provenance
	if p == nil || !j.want.Has(CarrierManifest) {
		return j.leave(ReasonForeignManifest, nil)
	}
	if id, ours := p.signedHere(j); ours && (!j.want.Has(CarrierVisibleLabel) || j.im.recordShowsLabel(j.ctx, id)) {
		return j.keep(id)
	}
	found, err := container.Find(j.data)
	if err != nil || found.Store == nil {
		return j.leave(ReasonForeignManifest, nil)
	}
	result, err := validate.Asset(j.ctx, j.data, p.Trust.options())
	if late := j.ctx.Err(); late != nil {
		return j.leave(ReasonMarkerError, late)
	}
	if err != nil || !usable(result) {
		return j.leave(ReasonForeignManifest, nil)
	}
	bare, err := container.Remove(j.data)
	if err == nil {
		j.info, err = imagemeta.Probe(bare)
	}
	if err != nil || j.info.HasC2PA { // JUMBF boxes of another kind
		return j.leave(ReasonForeignManifest, nil)
	}
	j.parent = &c2pa.Parent{Store: found.Store, Results: results(result), Format: j.info.Format.MIME(),
		Title: result.Active.Title, InstanceID: result.Active.InstanceID}
	j.onlyMarked = saysAI(result)
	j.data, j.res.data = bare, bare
	return true
}

// leave keeps the picture as it came.
func (j *imageJob) leave(r Reason, err error) bool {
	j.res = failedImage(j.original, j.want, r, err)
	return false
}

// keep leaves a picture that carries a mark of this deployment already, under the
// id that the mark carries.
func (j *imageJob) keep(id watermark.Payload) bool {
	j.res = imageResult{data: j.original, kept: id, marks: []Mark{{Carrier: CarrierImageMark, ID: id, Reason: ReasonAlreadyMarked}}}
	if records := j.im.o.Records; records != nil {
		_, err := records.ByID(j.ctx, id)
		j.res.recorded = err == nil
	}
	return false
}

// unsigned leaves a picture as it came whose manifest did not become the parent
// of ours, for whatever reason that was: it is never dropped.
func (j *imageJob) unsigned() {
	for _, m := range j.res.marks {
		if m.Carrier == CarrierManifest {
			j.leave(m.Reason, m.Err)
			return
		}
	}
}

// signedHere returns the id of the image mark that a picture is bound to, if it
// is validly signed by this deployment.
func (p *Provenance) signedHere(j *imageJob) (id watermark.Payload, ours bool) {
	o := p.Trust.options()
	o.Allowed = p.Signer.Chain[:1]
	r, err := validate.Asset(j.ctx, j.data, o)
	if err != nil || r.State != validate.Trusted {
		return id, false
	}
	id, err = watermark.ParsePayload(ownBinding(r))
	return id, err == nil
}

// usable reports whether a manifest can be carried over: other validators give up
// on a whole store in which one claim is malformed.
func usable(r *validate.Result) bool {
	if r.Active == nil {
		return false
	}
	return !slices.ContainsFunc(r.Statuses, func(s validate.Status) bool {
		return s.Kind == validate.Failure && (strings.HasPrefix(s.Code, "claim.") || strings.HasPrefix(s.Code, "algorithm."))
	})
}

// saysAI reports whether a manifest calls its content AI-made already: marking it
// is then no edit.
func saysAI(r *validate.Result) bool {
	return slices.ContainsFunc(r.Active.Actions, func(a validate.Action) bool { return isAISource(a.SourceType) })
}

// results are a validation's results as an ingredient keeps them: of the active
// manifest, and what is new about each ingredient in it.
func results(r *validate.Result) *c2pa.ValidationResults {
	out := &c2pa.ValidationResults{}
	deltas := map[string]int{}
	for _, s := range r.Statuses {
		codes := &out.ActiveManifest
		if s.Ingredient != "" {
			i, known := deltas[s.Ingredient]
			if !known {
				i = len(out.IngredientDeltas)
				deltas[s.Ingredient] = i
				out.IngredientDeltas = append(out.IngredientDeltas, c2pa.IngredientDelta{Assertion: s.Ingredient})
			}
			codes = &out.IngredientDeltas[i].Deltas
		}
		status := c2pa.Status{Code: s.Code, URL: s.URL, Explanation: s.Explanation}
		switch s.Kind {
		case validate.Success:
			codes.Success = append(codes.Success, status)
		case validate.Informational:
			codes.Informational = append(codes.Informational, status)
		default:
			codes.Failure = append(codes.Failure, status)
		}
	}
	return out
}

// writeManifest signs the picture: the last step, which binds all bytes.
func (j *imageJob) writeManifest() bool {
	p := j.im.o.Provenance
	if p == nil || !j.want.Has(CarrierManifest) {
		return true
	}
	m := p.manifest(j.label)
	if m.Parent = j.parent; j.onlyMarked {
		m.SourceType = ""
	}
	if j.attached(CarrierImageMark) {
		m.SoftBinding = &c2pa.SoftBinding{Alg: ImageMarkAlg, Value: j.label.ID[:]}
	}
	ctx, cancel := p.stampTime(j.ctx)
	defer cancel()
	var info c2pa.Signed
	out, err := timed(j, "manifest", func() (out []byte, err error) {
		out, info, err = c2pa.Sign(ctx, j.res.data, m, p.Signer)
		return out, err
	})
	switch {
	case errors.Is(err, c2pa.ErrParent):
		return j.failed(CarrierManifest, ReasonForeignManifest, err)
	case err != nil:
		return j.failed(CarrierManifest, ReasonMarkerError, err)
	}
	j.res.data, j.res.unstamped = out, j.im.o.unstamped(info)
	j.res.store, j.res.storeID = info.Store, info.Label
	j.done(CarrierManifest)
	return true
}

package disclose

import (
	"slices"
	"strings"

	"github.com/avowai/avow/disclose/c2pa"
	"github.com/avowai/avow/disclose/c2pa/container"
	"github.com/avowai/avow/disclose/c2pa/validate"
	"github.com/avowai/avow/disclose/imagemeta"
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
		return j.leave(ReasonForeignManifest)
	}
	if p.signedHere(j) {
		return j.leave(ReasonAlreadyMarked)
	}
	found, err := container.Find(j.data)
	if err != nil || found.Store == nil {
		return j.leave(ReasonForeignManifest)
	}
	result, err := validate.Asset(j.ctx, j.data, p.Trust.options())
	if err != nil || !usable(result) {
		return j.leave(ReasonForeignManifest)
	}
	bare, err := container.Remove(j.data)
	if err != nil {
		return j.leave(ReasonForeignManifest)
	}
	j.parent = &c2pa.Parent{Store: found.Store, Results: results(result), Format: j.info.Format.MIME(),
		Title: result.Active.Title, InstanceID: result.Active.InstanceID}
	j.onlyMarked = saysAI(result)
	j.data, j.res.data = bare, bare
	j.info, err = imagemeta.Probe(bare)
	return err == nil || j.failedAll(j.want, ReasonUndecodable, err)
}

// leave keeps the picture as it came.
func (j *imageJob) leave(r Reason) bool {
	j.res = failedImage(j.original, j.want, r, nil)
	return false
}

// signedHere reports whether a picture is validly signed by this deployment, with
// the image mark's soft binding in it.
func (p *Provenance) signedHere(j *imageJob) bool {
	o := p.Trust.options()
	o.Allowed = p.Signer.Chain[:1]
	r, err := validate.Asset(j.ctx, j.data, o)
	return err == nil && r.State == validate.Trusted && r.Active != nil &&
		slices.ContainsFunc(r.Active.SoftBindings, func(b validate.SoftBinding) bool { return b.Alg == ImageMarkAlg })
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
	out, err := timed(j.im, "manifest", func() (out []byte, err error) {
		out, info, err = c2pa.Sign(ctx, j.res.data, m, p.Signer)
		return out, err
	})
	if err != nil {
		return j.failed(CarrierManifest, ReasonMarkerError, err)
	}
	j.res.data, j.res.unstamped = out, info.StampErr != nil
	if info.StampErr != nil {
		j.im.o.Logger.Warn("signed without a time stamp", "error", info.StampErr)
	}
	j.done(CarrierManifest)
	return true
}

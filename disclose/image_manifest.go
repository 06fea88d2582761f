package disclose

import (
	"slices"

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
	if err != nil {
		return j.leave(ReasonForeignManifest)
	}
	bare, err := container.Remove(j.data)
	if err != nil {
		return j.leave(ReasonForeignManifest)
	}
	j.parent = &c2pa.Parent{Store: found.Store, Results: results(result), Format: j.info.Format.MIME()}
	if result.Active != nil {
		j.parent.Title, j.parent.InstanceID = result.Active.Title, result.Active.InstanceID
	}
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

// results are a validation's results as an ingredient keeps them.
func results(r *validate.Result) *c2pa.ValidationResults {
	out := &c2pa.ValidationResults{}
	for _, s := range r.Statuses {
		if s.Ingredient != "" {
			continue // of an ingredient of its own, whose record stays with it
		}
		status := c2pa.Status{Code: s.Code, URL: s.URL, Explanation: s.Explanation}
		switch s.Kind {
		case validate.Success:
			out.ActiveManifest.Success = append(out.ActiveManifest.Success, status)
		case validate.Informational:
			out.ActiveManifest.Informational = append(out.ActiveManifest.Informational, status)
		default:
			out.ActiveManifest.Failure = append(out.ActiveManifest.Failure, status)
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
	m.Parent = j.parent
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

package middleware

import (
	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// output describes the exchange's output to package disclose.
func (ex *exchange) output(contentType string) disclose.Output {
	out := disclose.Output{
		ContentType: contentType, Shape: ex.route.shape, Route: ex.route.name,
		Language: ex.c.languages.negotiate(ex.language), Turn: ex.request.Turn,
		Constrained: ex.request.Constrained, NoFrames: ex.request.NoFrames, Choices: ex.request.Choices,
		Pointers: ex.route.pointers, Stored: ex.route.stored, TextMarkDistance: ex.route.distance,
		Carriers: ex.route.carriers, Require: ex.route.require, Unframed: ex.unframed,
		Observes: ex.route.observes, Given: ex.request.Given, Author: ex.by(), HandOver: ex.handsOver(), Session: ex.talk.id,
	}
	if ex.again() {
		out.Turn, out.Given = disclose.FirstTurn, 0
	}
	if out.Publication = ex.route.publication; ex.publication.Load() != nil {
		out.Publication = ex.publication.Load()
	}
	if l := ex.label.Load(); l != nil {
		out.Label = *l
	}
	if out.Label.Generator == "" {
		out.Label.Generator = ex.request.Model
	}
	out.Label = ex.edited(out.Label)
	if ex.route.code && out.Constrained == disclose.ReasonNone {
		out.Constrained = disclose.ReasonCode
	}
	if ex.part && out.Constrained == disclose.ReasonNone && disclose.Classify(contentType) == disclose.KindHTML {
		out.Constrained = disclose.ReasonUnknownShape
	}
	return out
}

// edited says in the label how the route alters what a person made.
func (ex *exchange) edited(l disclose.Label) disclose.Label {
	switch {
	case ex.route.edit == EditSubstantial && l.Source == "":
		l.Source = disclose.CompositeWithTrainedAlgorithmicMedia
	case ex.route.edit == EditStandard && l.Involvement == "":
		l.Involvement = disclose.AIModified
	case ex.by() == disclose.AuthorReviewed && l.Involvement == "":
		l.Involvement = disclose.AIOriginated
	}
	return l
}

// bareResult is the Result of a response that carries the header alone.
func (w *response) bareResult() disclose.Result {
	res := disclose.Result{Outcome: disclose.OutcomeMarked}
	label, err := w.ex.c.marker.Label(w.ex.output("").Label)
	if err != nil {
		w.ex.c.log.Error("no random bits for a label", "error", err)
	}
	res.Label, res.IDs = label, []watermark.Payload{label.ID}
	if w.plan.reason != disclose.ReasonNone {
		res.Outcome, res.Reason = disclose.OutcomePassed, w.plan.reason
		res.Skipped = []disclose.Reason{w.plan.reason}
	}
	return res
}

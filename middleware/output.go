package middleware

import "github.com/avowai/avow/disclose"

// output describes the exchange's output to package disclose.
func (ex *exchange) output(contentType string) disclose.Output {
	out := disclose.Output{
		ContentType: contentType, Shape: ex.route.shape, Route: ex.route.name,
		Language: ex.c.languages.negotiate(ex.language), Turn: ex.request.Turn,
		Constrained: ex.request.Constrained, NoFrames: ex.request.NoFrames, Choices: ex.request.Choices,
		Pointers: ex.route.pointers, Stored: ex.route.stored,
		Carriers: ex.route.carriers, Require: ex.route.require, Unframed: ex.unframed,
	}
	if l := ex.label.Load(); l != nil {
		out.Label = *l
	}
	if out.Label.Generator == "" {
		out.Label.Generator = ex.request.Model
	}
	if ex.route.code && out.Constrained == disclose.ReasonNone {
		out.Constrained = disclose.ReasonCode
	}
	if ex.part && out.Constrained == disclose.ReasonNone && disclose.Classify(contentType) == disclose.KindHTML {
		out.Constrained = disclose.ReasonUnknownShape
	}
	return out
}

package middleware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/avowai/avow/disclose"
)

// TransportOptions configure NewTransport.
type TransportOptions struct {
	// Disclose says who acts, and on whose behalf (Principal).
	Disclose disclose.Options
	// Message says which requests are messages to people, and where their text
	// is: an Output with Pointers for JSON; for plain text and HTML the request's
	// Content-Type is enough. Zero fields are filled in; Carriers left nil mean
	// all that are enabled but the field, since the other side may refuse members
	// it does not know. It must not read the body. nil means that no request is.
	Message func(*http.Request) (disclose.Output, bool)
	// Skip, where it returns true, leaves a request alone.
	Skip func(*http.Request) bool
	// MaxRequest bounds the body of a message, in bytes; 0 means 4 MiB.
	MaxRequest int64
	// Metrics counts what became of messages; nil counts nothing.
	Metrics *Metrics
	// Logger receives what an operator should know; nil discards it.
	Logger *slog.Logger
}

// NewTransport returns a RoundTripper for an agent's own requests; base nil
// means http.DefaultTransport. Each request carries the AI-Disclosure header,
// with the principal as its member on-behalf-of: a signal to programs, which no
// person sees. A message to people also gets the notice in its text, as an
// answer would; under Strict it is not sent without (the error is a
// *disclose.Withheld). Whatever signs requests has to sit below, in base: the
// bytes of a message change here. A signature that covered them is dropped.
func NewTransport(base http.RoundTripper, o TransportOptions) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	setDefaults(&o.Logger, &o.MaxRequest, &o.Metrics, &o.Disclose)
	marker, err := disclose.NewMarker(o.Metrics.hook(o.Disclose))
	if err != nil {
		return nil, err
	}
	return &transport{base: base, o: o, marker: marker}, nil
}

type transport struct {
	base   http.RoundTripper
	o      TransportOptions
	marker *disclose.Marker
}

// CloseIdleConnections lets http.Client reach the base.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.o.Skip != nil && t.o.Skip(req) {
		return t.base.RoundTrip(req)
	}
	out := req.Clone(req.Context())
	if out.Header == nil {
		out.Header = http.Header{}
	}
	removeOwn(out.Header)
	var message disclose.Output
	isMessage := false
	if t.o.Message != nil {
		message, isMessage = t.o.Message(req)
	}
	if isMessage && message.Author == disclose.AuthorHuman {
		return t.base.RoundTrip(out) // a person's own words, through the agent's client
	}
	label, err := t.marker.Label(message.Label)
	if err == nil && isMessage {
		message.Label = label
		label, err = t.message(req, out, message)
	}
	if err != nil {
		closeBody(req)
		return nil, fmt.Errorf("middleware: request of an agent not sent: %w", err)
	}
	out.Header["Ai-Disclosure"] = []string{t.marker.RequestHeader(label)}
	return t.base.RoundTrip(out)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// message puts the notice, and what else is enabled, into a message to people.
func (t *transport) message(req, out *http.Request, o disclose.Output) (disclose.Label, error) {
	o = t.output(req, o)
	body, reason, err := t.read(req, out)
	if err != nil {
		return o.Label, err
	}
	if reason != disclose.ReasonNone {
		return o.Label, t.headerOnly(reason, o.Require)
	}
	var dst bytes.Buffer
	w := t.marker.NewWriter(req.Context(), &dst, o)
	if _, err = w.Write(body); err == nil {
		err = w.Close()
	}
	res := w.Result()
	t.o.Metrics.counts(res)
	if err != nil {
		return o.Label, err
	}
	t.replace(out, dst.Bytes(), w.Changed())
	retype(out.Header, res)
	out.Header["Avow-Id"] = []string{disclose.FormatIDs(res.IDs)}
	return res.Label, nil
}

// output fills in what Message left out. Under Strict a message is not sent
// without the notice that is due.
func (t *transport) output(req *http.Request, o disclose.Output) disclose.Output {
	if o.ContentType == "" {
		o.ContentType = req.Header.Get("Content-Type")
	}
	if o.Shape == disclose.ShapeAuto && o.Pointers != nil {
		o.Shape = disclose.ShapeCustom
	}
	if o.Carriers == nil {
		all := t.marker.Enabled().Without(disclose.CarrierField)
		o.Carriers = &all
	}
	speaks := (t.marker.Enabled() & *o.Carriers).Has(disclose.CarrierNotice) && o.Author == disclose.AuthorAI
	if t.marker.Profile() == disclose.Strict && o.Turn == disclose.FirstTurn && speaks {
		o.Require = o.Require.With(disclose.CarrierNotice)
	}
	return o
}

// read returns the body of a message, or why it is out of reach; out then still
// has it.
func (t *transport) read(req, out *http.Request) ([]byte, disclose.Reason, error) {
	enc := req.Header.Get("Content-Encoding")
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return nil, disclose.ReasonUnknownShape, nil
	case enc != "" && !strings.EqualFold(enc, "identity"):
		return nil, disclose.ReasonEncoded, nil
	case req.ContentLength > t.o.MaxRequest:
		return nil, disclose.ReasonTooLarge, nil
	}
	body, err := readAtMost(req.Body, req.ContentLength, t.o.MaxRequest)
	if err != nil {
		return nil, disclose.ReasonNone, err
	}
	if int64(len(body)) > t.o.MaxRequest {
		out.Body = &rejoined{io.MultiReader(bytes.NewReader(body), rest{req.Body, io.EOF}), req.Body}
		return nil, disclose.ReasonTooLarge, nil
	}
	_ = req.Body.Close()
	out.Trailer = req.Trailer.Clone() // its values came with the end of the body
	return body, disclose.ReasonNone, nil
}

// headerOnly asks the profile about a message whose text is out of reach. What
// is sent then has a header, and no notice.
func (t *transport) headerOnly(r disclose.Reason, require disclose.CarrierSet) error {
	t.o.Metrics.skip(r)
	if require.Without(disclose.CarrierHeader) != 0 || t.marker.Profile().On(r) == disclose.Withhold {
		return &disclose.Withheld{Reason: r, Hint: disclose.Hint(r), Err: errOutOfReach}
	}
	t.o.Logger.Warn("a message to people is sent without a notice in it", "reason", string(r))
	return nil
}

var errOutOfReach = errors.New("the text of the message cannot be reached, so it would carry no notice")

// replace gives the request its new body, and takes care of what speaks about it.
func (t *transport) replace(out *http.Request, body []byte, changed bool) {
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	out.Body, _ = out.GetBody()
	out.ContentLength, out.TransferEncoding = int64(len(body)), nil
	if len(out.Trailer) > 0 { // trailers travel in chunked bodies only
		out.ContentLength = -1
	}
	delete(out.Header, "Content-Length")
	if !changed {
		return
	}
	had := presentDigests(out.Header)
	if dropDigests(out.Header) {
		t.o.Logger.Warn("signature of a message dropped: it covered the body; sign below this transport")
	}
	redigest(out.Header, had, body)
	dropDigests(out.Trailer)
}

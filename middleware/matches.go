package middleware

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/avowai/avow/disclose"
	"github.com/avowai/avow/watermark"
)

// Limits of a question about a binding.
const (
	maxBinding     = 16 << 10 // bytes of its JSON
	maxQuery       = 2048     // bytes of its query
	defaultMatches = 10
	maxMatches     = 100
)

// matches is an answer of soft binding resolution (C2PA 2.5, Decoupled).
type matches struct {
	Matches []match `json:"matches"`
}

// A match is a manifest that belongs to a binding or a content.
type match struct {
	ManifestID string `json:"manifestId"`
	// SimilarityScore, 0 to 100, is given where content was compared.
	SimilarityScore *int `json:"similarityScore,omitempty"`
}

var errBinding = errors.New("middleware: no binding that can be read")

// A binding is the algorithm and value of a soft binding.
type binding struct {
	Alg   string `json:"alg"`
	Value string `json:"value"`
	Max   int    `json:"maxResults"`
}

// serveByBinding answers GET and POST /v1/matches/byBinding.
func (s *VerifyService) serveByBinding(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && len(r.URL.RawQuery) > maxQuery {
		s.refuse(w, r, problemLong)
		return
	}
	b, err := readBinding(w, r)
	id, ok := b.payload()
	if err != nil || !ok {
		s.refuse(w, r, problemBinding)
		return
	}
	var ids []watermark.Payload
	if b.Alg == disclose.ImageMarkAlg { // no other algorithm leads to anything here
		ids = append(ids, id)
	}
	s.answerMatches(w, r, ids, nil, b.Max)
}

// readBinding reads a query, or JSON.
func readBinding(w http.ResponseWriter, r *http.Request) (b binding, err error) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBinding))
		if err != nil {
			return b, errBinding
		}
		if err := json.Unmarshal(body, &b); err != nil {
			return b, errBinding
		}
	} else {
		b.Alg, b.Value = r.URL.Query().Get("alg"), r.URL.Query().Get("value")
	}
	if b.Max == 0 {
		b.Max, err = maxResults(r)
	}
	if err != nil || b.Alg == "" || b.Max < 1 || b.Max > maxMatches {
		return b, errBinding
	}
	return b, nil
}

func maxResults(r *http.Request) (int, error) {
	text := r.URL.Query().Get("maxResults")
	if text == "" {
		return defaultMatches, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxMatches {
		return 0, errBinding
	}
	return n, nil
}

// payload is the image mark's payload that a binding names: 8 bytes in base64. Of
// another algorithm any base64 will do.
func (b binding) payload() (id watermark.Payload, ok bool) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		raw, err := encoding.DecodeString(b.Value)
		if err != nil || len(raw) == 0 {
			continue
		}
		if len(raw) == len(id) {
			return watermark.Payload(raw), true
		}
		return id, b.Alg != disclose.ImageMarkAlg
	}
	return id, false
}

// serveByContent answers POST /v1/matches/byContent: the content is inspected as by
// /v1/verify, under the same limits. Strangers are told how similar it is in quarters:
// finer steps would lead towards content that just matches, or just does not.
func (s *VerifyService) serveByContent(w http.ResponseWriter, r *http.Request) {
	n, err := maxResults(r)
	if err != nil {
		s.refuse(w, r, problemBinding)
		return
	}
	rep, exact, p := s.inspect(w, r)
	switch {
	case p != nil:
		s.refuse(w, r, *p)
		return
	case rep.Record.Status == "unavailable":
		s.refuse(w, r, problemRecords) // nothing would not be the answer
		return
	}
	ids, scores := contentIDs(rep)
	if !exact {
		for id, score := range scores {
			scores[id] = (score + 12) / 25 * 25
		}
	}
	s.answerMatches(w, r, ids, scores, n)
}

// contentIDs are the outputs that an input was found to be, or to be similar to,
// and how similar, of 100. An id that anybody could have written leads to nothing, and
// neither does a mark whose content is not the recorded one.
func contentIDs(rep *disclose.Report) (ids []watermark.Payload, scores map[watermark.Payload]int) {
	scores = map[watermark.Payload]int{}
	for _, f := range rep.Findings {
		id, err := watermark.ParsePayload(f.ID)
		if err != nil {
			continue
		}
		switch f.Carrier {
		case disclose.CarrierImageMark.String():
			if f.Status != disclose.Verified && f.Status != disclose.Invalid {
				continue
			}
		case disclose.CarrierFingerprint.String():
			if f.Score > 0 {
				scores[id] = int(math.Round(math.Min(f.Score, 1) * 100))
			}
		default:
			continue
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, scores
}

// answerMatches answers with the manifests of outputs.
func (s *VerifyService) answerMatches(w http.ResponseWriter, r *http.Request, ids []watermark.Payload, scores map[watermark.Payload]int, n int) {
	out := matches{Matches: []match{}}
	for _, id := range ids {
		name, err := s.manifestName(r.Context(), id)
		if err != nil {
			s.refuse(w, r, problemRecords)
			return
		}
		if name == "" || len(out.Matches) == n {
			continue
		}
		m := match{ManifestID: name}
		if score, ok := scores[id]; ok {
			m.SimilarityScore = &score
		}
		out.Matches = append(out.Matches, m)
	}
	writeJSON(w, out)
}

// manifestName is the label of the manifest that an output was given, "" for none,
// or none any more.
func (s *VerifyService) manifestName(ctx context.Context, id watermark.Payload) (string, error) {
	if s.o.Records == nil {
		return "", nil
	}
	rec, err := s.o.Records.ByID(ctx, id)
	switch {
	case errors.Is(err, disclose.ErrNoRecord):
		return "", nil
	case err != nil:
		return "", err
	case rec.Erased || rec.Outcome == disclose.OutcomeAborted || rec.Outcome == disclose.OutcomeWithheld:
		return "", nil
	}
	return rec.ManifestID, nil
}

// algorithms is the answer of supportedAlgorithms.
type algorithms struct {
	Watermarks   []algorithm `json:"watermarks"`
	Fingerprints []algorithm `json:"fingerprints"`
}

type algorithm struct {
	Alg string `json:"alg"`
}

// serveAlgorithms answers GET /v1/services/supportedAlgorithms. The fingerprints of
// outputs are keyed: nobody but this deployment could make one to ask with.
func (s *VerifyService) serveAlgorithms(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, algorithms{Watermarks: []algorithm{{disclose.ImageMarkAlg}}, Fingerprints: []algorithm{}})
}

// resolution is the document that leads from this host to the API.
func (s *VerifyService) resolution() http.Handler {
	body, err := json.Marshal(struct {
		Endpoints  []string   `json:"endpoints"`
		Algorithms algorithms `json:"supportedAlgorithms"`
	}{[]string{s.address(s.base + "/v1")}, algorithms{[]algorithm{{disclose.ImageMarkAlg}}, []algorithm{}}})
	if err != nil {
		body = []byte("{}") // cannot happen: strings
	}
	return documentHandler(append(body, '\n'))
}

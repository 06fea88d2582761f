package page

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/avowai/avow/disclose"
)

// asked answers as its questions say: the name of a state, or of a problem, is
// what is asked about. All else carries nothing.
type asked struct {
	t       testing.TB
	bodies  chan string // what was asked about, with its type
	sign    bool
	release chan struct{} // where set, "slow" waits for it
}

func newAsked(t testing.TB) *asked { return &asked{t: t, bodies: make(chan string, 64), sign: true} }

func (a *asked) Ask(_ http.ResponseWriter, r *http.Request) (*Answer, *Problem) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, &Problem{Kind: Unreadable, Status: http.StatusBadRequest}
	}
	part, err := form.NextRawPart()
	if err != nil {
		return nil, &Problem{Kind: Unreadable, Status: http.StatusBadRequest}
	}
	body, err := io.ReadAll(part)
	if err != nil {
		return nil, &Problem{Kind: Unreadable, Status: http.StatusBadRequest}
	}
	select {
	case a.bodies <- part.FormName() + "|" + part.FileName() + "|" + string(body) + "|" + r.Header.Get("Accept-Language"):
	default:
		a.t.Error("more questions than expected")
	}
	name := strings.TrimSpace(string(body))
	if name == "slow" && a.release != nil {
		select {
		case <-a.release:
		case <-r.Context().Done():
		}
	}
	if p, ok := problems[name]; ok {
		return nil, &p
	}
	s, ok := states[name]
	if !ok {
		s = states["nothing_found"]
	}
	return a.answer(report(s)), nil
}

// answer is a report with a signature that no key made.
func (a *asked) answer(r *disclose.Report) *Answer {
	body, err := json.MarshalIndent(r.Public(), "", "  ")
	if err != nil {
		a.t.Error(err)
	}
	out := &Answer{Report: r, JSON: body, Time: time.Date(2026, 11, 27, 10, 5, 0, 0, time.UTC), KeyIDs: []string{"k-1a2b3c4d", "k-00ff00ff"}}
	if a.sign {
		encode := base64.RawURLEncoding.EncodeToString
		out.Signed = []byte(encode([]byte(`{"alg":"EdDSA"}`)) + "." + encode(body) + "." + encode([]byte("signature")))
	}
	return out
}

func (a *asked) Feedback(_ http.ResponseWriter, _ *http.Request, f Feedback) *Problem {
	if f.Kind != "wrong" && f.Kind != "missing" && f.Kind != "other" {
		return &Problem{Kind: NoFeedback, Status: http.StatusBadRequest}
	}
	a.bodies <- f.Kind + "|" + f.Report + "|" + f.Comment
	return nil
}

// problems are those that a backend has.
var problems = map[string]Problem{
	"too_large":  {Kind: TooLarge, Status: http.StatusRequestEntityTooLarge},
	"unreadable": {Kind: Unreadable, Status: http.StatusBadRequest},
	"near":       {Kind: NearTheSame, Status: http.StatusTooManyRequests},
	"text":       {Kind: TextRefused, Status: http.StatusForbidden},
	"too_many":   {Kind: TooMany, Status: http.StatusTooManyRequests, Wait: 29500 * time.Millisecond},
	"busy":       {Kind: Busy, Status: http.StatusServiceUnavailable},
	"bad_link":   {Kind: BadLink, Status: http.StatusBadRequest},
	"failed":     {Kind: Failed, Status: http.StatusInternalServerError, RequestID: "req-17"},
}

// An answerState is what a report says.
type answerState struct {
	verdict  disclose.Status
	reason   disclose.Cause
	summary  string
	findings map[disclose.Carrier]disclose.Finding
	record   disclose.RecordStatus
}

// found is an image mark that a key reads.
var found = disclose.Finding{Status: disclose.Verified, KeyID: "k-1a2b3c4d", ID: "9f3c52d07ab1e644", FalsePositiveRate: 1e-12, Coverage: 1}

func with(f disclose.Finding, coverage float64) map[disclose.Carrier]disclose.Finding {
	f.Coverage = coverage
	return map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: f, disclose.CarrierMetadata: {Status: disclose.Absent}, disclose.CarrierManifest: {Status: disclose.Absent}}
}

func manifest(s disclose.Status, detail string) map[disclose.Carrier]disclose.Finding {
	return map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: {Status: disclose.Absent}, disclose.CarrierMetadata: {Status: disclose.Absent},
		disclose.CarrierManifest: {Status: s, Detail: detail}}
}

const signedBy = "signed by Example GmbH, issued by Example CA; 2026-11-20T09:12:00Z, time stamped by Example TSA; trainedAlgorithmicMedia"

// states are one report for every reason.
var states = map[string]answerState{
	"record_matches": {disclose.Verified, disclose.CauseRecordMatches, "Carries a mark of this deployment, and its content matches the record.", with(found, 1),
		disclose.RecordStatus{Status: "match", Time: "2026-11-20T09:12:00Z", System: "assistant"}},
	"key_matches": {disclose.Verified, disclose.CauseKeyMatches, "Carries a mark of this deployment's key. Its content was not compared with a record, so the mark may have been copied from elsewhere.", with(found, .5),
		disclose.RecordStatus{Status: "not_asked"}},
	"no_record":     {disclose.Present, disclose.CauseNoRecord, "Carries a mark that one of this deployment's keys reads, but no record of it is known.", with(found, .75), disclose.RecordStatus{Status: "not_found"}},
	"possible_copy": {disclose.Present, disclose.CausePossibleCopy, "Carries a mark, but its content does not match the output that was recorded: possibly a copy of the mark.", with(found, .05), disclose.RecordStatus{Status: "possible_copy", Time: "2026-11-20T09:12:00Z", System: "assistant"}},
	"fingerprint_only": {disclose.Present, disclose.CauseFingerprintOnly, "Carries no mark that could be read, but its content matches a recorded output.",
		map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: {Status: disclose.Absent}, disclose.CarrierFingerprint: {Status: disclose.Present, FalsePositiveRate: 1e-4}},
		disclose.RecordStatus{Status: "match", Time: "2026-11-20T09:12:00Z", System: "assistant"}},
	"template_only": {disclose.Present, disclose.CauseTemplateOnly, "Carries the public part of an avow mark. Anyone can write that part; whose mark it is needs the key.",
		map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: {Status: disclose.Present, FalsePositiveRate: 1e-9, Detail: "public template only"}}, disclose.RecordStatus{Status: "not_asked"}},
	"statement_only": {disclose.Present, disclose.CauseStatementOnly, "States that it is AI-generated. Anyone could have written the statement.",
		map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: {Status: disclose.Absent}, disclose.CarrierMetadata: {Status: disclose.Present, Detail: "trainedAlgorithmicMedia; assistant"}}, disclose.RecordStatus{Status: "not_asked"}},
	"signature_trusted":   {disclose.Verified, disclose.CauseSignatureTrusted, "Carries a signed statement of its origin by a trusted signer.", manifest(disclose.Verified, signedBy), disclose.RecordStatus{Status: "not_asked"}},
	"signature_untrusted": {disclose.Present, disclose.CauseSignatureUntrust, "Carries a signed statement of its origin; the signer is not on a trust list.", manifest(disclose.Present, signedBy), disclose.RecordStatus{Status: "not_asked"}},
	"tampered":            {disclose.Invalid, disclose.CauseTampered, "Carries a signed statement that does not fit its content: one of them was changed.", manifest(disclose.Invalid, "assertion.dataHash.mismatch"), disclose.RecordStatus{Status: "not_asked"}},
	"conflicting_ids":     {disclose.Invalid, disclose.CauseConflictingIDs, "Its marks name different outputs: at least one was put there from elsewhere.", with(found, 1), disclose.RecordStatus{Status: "not_asked"}},
	"revoked_key":         {disclose.Present, disclose.CauseRevokedKey, "Carries a mark of a revoked key, which cannot be relied on.", with(found, .25), disclose.RecordStatus{Status: "erased"}},
	"too_small":           {disclose.NotChecked, disclose.CauseTooSmall, "Too small to tell whether it carries an image mark.", map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: {Status: disclose.NotChecked, Detail: "90 x 60 pixels are too few to tell"}, disclose.CarrierMetadata: {Status: disclose.Absent}}, disclose.RecordStatus{Status: "not_asked"}},
	"nothing_found": {disclose.Absent, disclose.CauseNothingFound, "No mark found. This does not show that a person made it.",
		map[disclose.Carrier]disclose.Finding{disclose.CarrierImageMark: {Status: disclose.Absent}, disclose.CarrierMetadata: {Status: disclose.Absent}, disclose.CarrierManifest: {Status: disclose.Absent}, disclose.CarrierFingerprint: {Status: disclose.Absent}}, disclose.RecordStatus{Status: "not_asked"}},
	"cannot_tell": {disclose.NotChecked, disclose.CauseNothingFound, "No mark found. This does not show that a person made it.", nil, disclose.RecordStatus{Status: "unavailable"}},
}

func report(s answerState) *disclose.Report {
	r := &disclose.Report{Input: "body", ContentType: "image/png", SHA256: strings.Repeat("5e", 32), Size: 1215064, Verdict: s.verdict, Reason: s.reason,
		Summary: s.summary, Limits: disclose.Limits, Record: s.record, Tool: disclose.Tool{Name: "avow", Version: "0.5.0", Template: 1}}
	for _, c := range disclose.Carriers() {
		f, ok := s.findings[c]
		if !ok {
			f.Status = disclose.NotChecked
		}
		f.Carrier = c.String()
		r.Findings = append(r.Findings, f)
	}
	return r
}

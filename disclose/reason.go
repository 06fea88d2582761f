package disclose

// A Reason names why an output, or part of one, was left without a mark. The
// set is closed, so that it can label a metric.
type Reason string

// The reasons, as they appear in the Avow-Outcome header and in
// avow_skipped_total.
const (
	ReasonNone            Reason = ""
	ReasonJSONMode        Reason = "json_mode"
	ReasonToolCall        Reason = "tool_call"
	ReasonCode            Reason = "code"
	ReasonShortText       Reason = "short_text"
	ReasonScript          Reason = "script"
	ReasonOffsets         Reason = "offsets"
	ReasonEncoded         Reason = "encoded"
	ReasonTooLarge        Reason = "too_large"
	ReasonTooSmall        Reason = "too_small"
	ReasonUndecodable     Reason = "undecodable"
	ReasonPartialContent  Reason = "partial_content"
	ReasonUpgrade         Reason = "upgrade"
	ReasonURLOnly         Reason = "url_only"
	ReasonUnknownShape    Reason = "unknown_shape"
	ReasonForeignManifest Reason = "foreign_manifest"
	ReasonAlreadyMarked   Reason = "already_marked"
	ReasonExempt          Reason = "exempt"
	ReasonNotAI           Reason = "not_ai"
	ReasonTruncated       Reason = "truncated"
	ReasonMarkerError     Reason = "marker_error"
	ReasonLedgerDown      Reason = "ledger_down"
	ReasonNoTransform     Reason = "no_transform"
	ReasonErrorStatus     Reason = "error_status"
)

// Reasons returns the closed set, without ReasonNone.
func Reasons() []Reason {
	return []Reason{
		ReasonJSONMode, ReasonToolCall, ReasonCode, ReasonShortText, ReasonScript,
		ReasonOffsets, ReasonEncoded, ReasonTooLarge, ReasonTooSmall, ReasonUndecodable,
		ReasonPartialContent, ReasonUpgrade, ReasonURLOnly, ReasonUnknownShape,
		ReasonForeignManifest, ReasonAlreadyMarked, ReasonExempt, ReasonNotAI,
		ReasonTruncated, ReasonMarkerError, ReasonLedgerDown, ReasonNoTransform,
		ReasonErrorStatus,
	}
}

// An Outcome says what became of one output.
type Outcome string

// The outcomes, a closed set.
const (
	OutcomeMarked   Outcome = "marked"   // every enabled carrier that applies is attached
	OutcomeDegraded Outcome = "degraded" // at least one enabled carrier is missing
	OutcomePassed   Outcome = "passed"   // left as it was on purpose, for a named reason
	OutcomeWithheld Outcome = "withheld" // refused rather than sent unmarked
	OutcomeAborted  Outcome = "aborted"  // broke off on the way
)

package disclose

// A Profile decides what happens when an output cannot be marked.
//
// Neither profile can take back bytes that have left: once a stream has begun,
// withholding means breaking it off, never a clean error answer.
type Profile uint8

const (
	// Strict withholds an AI output rather than send it without an enabled
	// mark. It is the default.
	Strict Profile = iota
	// Standard sends what could be marked and names what is missing.
	Standard
)

// String is the profile's name in configuration.
func (p Profile) String() string {
	if p == Standard {
		return "standard"
	}
	return "strict"
}

// An Action is what a Profile does about a Reason.
type Action uint8

const (
	// Degrade sends the output with the carriers that remain and says
	// "degraded; missing=…".
	Degrade Action = iota
	// Pass sends the output unchanged with the header and says "passed; reason=…".
	Pass
	// Withhold answers with an error instead of the output, or breaks off a
	// stream that has begun.
	Withhold
)

// String names the action.
func (a Action) String() string {
	return [...]string{"degrade", "pass", "withhold"}[a]
}

// policy is the failure matrix: what each profile does when a Reason stands in
// the way of a mark. A Reason not listed here is an intended skip (Pass).
var policy = map[Reason][2]Action{ // strict, standard
	ReasonURLOnly:         {Withhold, Pass},
	ReasonUpgrade:         {Withhold, Pass},
	ReasonForeignManifest: {Pass, Pass},
	ReasonUndecodable:     {Withhold, Degrade},
	ReasonTooLarge:        {Withhold, Degrade},
	ReasonTooSmall:        {Degrade, Degrade},
	ReasonUnknownShape:    {Degrade, Degrade},
	ReasonMarkerError:     {Withhold, Degrade},
	ReasonPartialContent:  {Withhold, Pass},
	ReasonEncoded:         {Withhold, Pass},
	ReasonLedgerDown:      {Withhold, Degrade},
	ReasonTruncated:       {Withhold, Withhold},
}

// On returns what the profile does when r stands in the way of a mark.
func (p Profile) On(r Reason) Action {
	row, ok := policy[r]
	if !ok {
		return Pass
	}
	return row[p]
}

package disclose

// hints say, for every reason that can withhold an output, what to do about it.
var hints = map[Reason]string{
	ReasonURLOnly:        `Ask for "response_format": "b64_json", or set image.url_only: pass.`,
	ReasonUpgrade:        "Declare the route exempt with a reason, or use profile: standard.",
	ReasonUndecodable:    "Ask the backend for PNG, JPEG or lossless WebP, not as a stream, or use profile: standard.",
	ReasonTooLarge:       "Ask for a smaller output, or raise limits.held_bytes or image.max_pixels.",
	ReasonTooSmall:       "Ask for a larger image, or take image_mark out of the route's require list.",
	ReasonUnknownShape:   "Check the route's shape, or take notice and field out of its require list.",
	ReasonMarkerError:    "Try again; if it stays, look at avow's log for the cause.",
	ReasonPartialContent: "Ask without a Range header.",
	ReasonEncoded:        "Have the backend answer without Content-Encoding, or with gzip, zstd or br.",
	ReasonLedgerDown:     "Wait until records can be written again; readyz tells.",
	ReasonTruncated:      "The backend broke off its answer; try again.",

	ReasonForeignManifest: "Take image_mark and metadata out of the route's require list.",
	ReasonJSONMode:        "Take notice out of the route's require list, or ask for free text.",
	ReasonCode:            "Take notice out of the route's require list.",
	ReasonToolCall:        "Take notice out of the route's require list.",
}

// Hint returns what to do about an output withheld for r, in one sentence.
func Hint(r Reason) string { return hints[r] }

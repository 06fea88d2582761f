package fingerprint

// What a report says of false alarms.
const (
	// MatchRate bounds the chance that Compare takes another picture for the
	// recorded one, over everything that it tries.
	MatchRate = 1e-6
	// SearchRate bounds, for one pair of pictures, the chance that two different ones
	// lie within SearchDistance.
	SearchRate = 1e-9
)

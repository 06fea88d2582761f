package disclose

import "golang.org/x/text/language"

// Direction is the direction of a language's script, as HTML's dir attribute
// takes it: "ltr" or "rtl".
func Direction(tag language.Tag) string { return direction(tag) }

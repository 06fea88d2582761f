package config

import "strings"

// Training are the entries of cawg.training-mining that say in a manifest what
// the other signals say; nil where nothing is reserved.
func (o OptOut) Training() map[string]string {
	usage := strings.ReplaceAll(strings.ToLower(o.ContentUsage), " ", "")
	entries := map[string]string{}
	if o.TDMReservation == "1" {
		entries["cawg.data_mining"] = "notAllowed"
	}
	if o.TDMReservation == "1" || strings.Contains(usage, "train-ai=n") {
		entries["cawg.ai_training"], entries["cawg.ai_generative_training"] = "notAllowed", "notAllowed"
	}
	if len(entries) == 0 {
		return nil
	}
	return entries
}

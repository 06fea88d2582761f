package disclose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/avowai/avow/disclose/imagemeta"
)

// sourceTerms are the terms of IPTC's digital source type vocabulary (its state
// of 2025). A term that is none of them is not shown: it is anybody's text.
var sourceTerms = []string{
	"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "algorithmicallyEnhanced",
	"compositeSynthetic", "compositeCapture", "composite", "digitalCapture", "computationalCapture", "multiFrameComputationalCapture",
	"humanEdits", "minorHumanEdits", "digitalCreation", "digitalArt", "dataDrivenMedia", "virtualRecording", "screenCapture",
	"negativeFilm", "positiveFilm", "print", "softwareImage",
}

// labelMeanings are what the values of China's label say.
var labelMeanings = map[string]string{"1": "generated", "2": "possibly generated", "3": "suspected of being generated"}

// metadataFinding reports on what the metadata of an image say, whoever wrote
// them.
//
// Of foreign texts only those are shown that name a system by their definition:
// the AI system and its version, the producer of China's label, a digital source
// type that IPTC lists, a generator by its name in our own table. Prompts,
// captions, authors, places and serial numbers never are (obligation D4).
func metadataFinding(o imagemeta.Origin) Finding {
	f := o.Fields
	if !isAISource(f.DigitalSourceType) && f.AISystemUsed == "" && o.Generator == "" && o.AIGCPlace == "" {
		if o.XMPErr != nil {
			return Finding{Status: NotChecked, Detail: "XMP is there but cannot be read"}
		}
		return Finding{Status: Absent}
	}
	var parts []string
	term := lastPart(f.DigitalSourceType)
	if !slices.Contains(sourceTerms, term) {
		term = ""
	}
	if own := strings.Join(strings.Fields(term+" "+cut(f.AISystemUsed)+" "+cut(f.AISystemVersionUsed)), " "); own != "" {
		parts = append(parts, own)
	}
	if o.Generator != "" {
		parts = append(parts, "generator "+o.Generator+" ("+string(o.Place)+")")
	}
	if o.AIGCPlace != "" {
		label := "AIGC label " + o.AIGC.Label + " (" + labelMeanings[o.AIGC.Label] + ") in " + string(o.AIGCPlace)
		if p := cut(o.AIGC.ContentProducer); p != "" {
			label += ", producer " + p
		}
		parts = append(parts, label)
	}
	return Finding{Status: Present, reason: CauseStatementOnly, ID: payloadOrNone(f.GUID), Detail: Printable(strings.Join(parts, "; ")),
		system: cmp.Or(cut(f.AISystemUsed), o.Generator)}
}

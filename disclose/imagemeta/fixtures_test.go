package imagemeta

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// A tagValue is an EXIF entry of type ASCII, or UNDEFINED for a UserComment.
type tagValue struct {
	tag   uint16
	value string
}

// exifBlock is a TIFF structure with the tags in its first directory, and those
// of the EXIF directory in a second one.
func exifBlock(order binary.AppendByteOrder, tags ...tagValue) []byte {
	var first, second []tagValue
	for _, t := range tags {
		if t.tag == tagUserComment || t.tag == 0x927C {
			second = append(second, t)
		} else {
			first = append(first, t)
		}
	}
	out := []byte("II*\x00")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		out = []byte("MM\x00*")
	}
	out = order.AppendUint32(out, 8)
	sub := 8 + 2 + (len(first)+1)*entrySize + 4
	heap := sub + 2 + len(second)*entrySize + 4
	var values []byte
	dir := func(tags []tagValue, extra int) {
		out = order.AppendUint16(out, uint16(len(tags)+extra))
		for _, t := range tags {
			kind := uint16(2)
			if t.tag == tagUserComment {
				kind = 7
			}
			value := t.value + "\x00\x00\x00\x00\x00" // never inline
			out = order.AppendUint16(order.AppendUint16(out, t.tag), kind)
			out = order.AppendUint32(order.AppendUint32(out, uint32(len(value))), uint32(heap+len(values)))
			values = append(values, value...)
		}
		if extra == 1 {
			out = order.AppendUint16(order.AppendUint16(out, tagExifIFD), 4)
			out = order.AppendUint32(order.AppendUint32(out, 1), uint32(sub))
		}
		out = order.AppendUint32(out, 0)
	}
	dir(first, 1)
	dir(second, 0)
	return append(out, values...)
}

func utf16Comment(order binary.AppendByteOrder, text string) string {
	out := []byte("UNICODE\x00")
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return string(out)
}

func jpegEXIF(block []byte) []byte {
	return makeSegment(markAPP1, append([]byte("Exif\x00\x00"), block...))
}

func textChunk(key, value string) []byte { return makeChunk("tEXt", []byte(key+"\x00"+value)) }

func zTextChunk(t testing.TB, key, value string) []byte {
	return makeChunk("zTXt", append([]byte(key+"\x00\x00"), deflated(t, value)...))
}

func iTextChunk(t testing.TB, key, value string) []byte {
	return makeChunk("iTXt", append([]byte(key+"\x00\x01\x00en\x00\x00"), deflated(t, value)...))
}

func xmpPacket(attributes string) []byte {
	return []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + nsRDF + `"><rdf:Description rdf:about=""
 xmlns:xmp="` + nsXMP + `" xmlns:photoshop="` + nsPhotoshop + `" xmlns:Iptc4xmpExt="` + nsIPTCExt + `" xmlns:dc="http://purl.org/dc/elements/1.1/" ` +
		attributes + `/></rdf:RDF></x:xmpmeta>`)
}

func pngXMPFile(t testing.TB, attributes string) []byte {
	return pngFile(t, makeChunk("iTXt", append([]byte(xmpKeyword+"\x00\x00\x00\x00\x00"), xmpPacket(attributes)...)))
}

func iimSegment(set byte, value string) []byte {
	record := append([]byte{0x1C, 2, set}, binary.BigEndian.AppendUint16(nil, uint16(len(value)))...)
	record = append(record, value...)
	body := append([]byte("Photoshop 3.0\x008BIM\x04\x04\x00\x00"), binary.BigEndian.AppendUint32(nil, uint32(len(record)))...)
	return makeSegment(markAPP13, append(body, record...))
}

const (
	someUUID   = "5f3c0f3e-9a55-4b7e-8a3c-0c1d2e3f4a5b"
	someLine   = "a red fox, jane.doe@example.org\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: m, "
	promptJSON = `{"3": {"inputs": {"seed": 1, "text": "a red fox"}, "class_type": "KSampler"}}`
	flowJSON   = `{"last_node_id": 9, "nodes": [{"id": 3}], "links": []}`
)

func longText() string { return strings.Repeat("QUJD", 30) }

// generatorFiles are synthetic files, each as its generator is published to
// write them; the pictures in them are none of its work.
func generatorFiles(t testing.TB) map[string][][]byte {
	le, be := binary.LittleEndian, binary.BigEndian
	exifWebP := func(tags ...tagValue) []byte { return webpFile(makeRIFF("EXIF", exifBlock(le, tags...))) }
	exifJPEG := func(tags ...tagValue) []byte { return jpegFile(t, jpegEXIF(exifBlock(be, tags...))) }
	exifPNG := func(tags ...tagValue) []byte { return pngFile(t, makeChunk("eXIf", exifBlock(be, tags...))) }
	comment := func(text string) tagValue { return tagValue{tagUserComment, utf16Comment(be, text)} }
	ascii := func(text string) tagValue { return tagValue{tagUserComment, "ASCII\x00\x00\x00" + text} }
	swarm := `{"sui_image_params": {"prompt": "a red fox"}}`
	easy := `{"prompt": "a red fox", "use_stable_diffusion_model": "m"}`
	return map[string][][]byte{
		"Stable Diffusion web UI": {pngFile(t, textChunk("parameters", someLine+"Version: v1.10.1")), pngFile(t, zTextChunk(t, "parameters", someLine)),
			pngFile(t, iTextChunk(t, "parameters", someLine)), exifJPEG(comment(someLine)), exifWebP(comment(someLine)),
			exifWebP(tagValue{tagUserComment, utf16Comment(le, someLine)}), exifJPEG(tagValue{tagUserComment, "UNICODE\x00" + someLine}),
			jpegFile(t, makeSegment(markCOM, []byte(someLine))), pngFile(t, rawProfile("exif", exifBlock(be, ascii(someLine))))},
		"Stable Diffusion WebUI Forge": {pngFile(t, textChunk("parameters", someLine+"Version: f2.0.1v1.10.1")), exifWebP(comment(someLine + "Version: neo"))},
		"SD.Next":                      {exifJPEG(comment(someLine + "App: SD.Next, Version: 1"))},
		"ComfyUI": {pngFile(t, textChunk("prompt", promptJSON)), pngFile(t, textChunk("workflow", flowJSON)),
			exifWebP(tagValue{0x0110, "prompt:" + promptJSON}), exifWebP(tagValue{0x010F, "workflow:" + flowJSON}), exifWebP(ascii(`{"prompt": ` + promptJSON + `}`)),
			exifJPEG(tagValue{0x010F, "Prompt: " + promptJSON}), exifJPEG(tagValue{0x010E, "Workflow: " + flowJSON}),
			pngFile(t, textChunk("parameters", someLine+"Version: ComfyUI"), textChunk("prompt", promptJSON))},
		"TensorArt": {pngFile(t, textChunk("generation_data", `{"prompt": "a red fox", "baseModel": {}}`), textChunk("prompt", promptJSON))},
		"Civitai": {exifJPEG(comment(someLine + "Civitai resources: [], Civitai metadata: {}")),
			exifJPEG(comment(promptJSON[:len(promptJSON)-1] + `, "extraMetadata": "{}"}`))},
		"InvokeAI": {pngFile(t, textChunk("invokeai_metadata", `{"positive_prompt": "a red fox"}`)), pngFile(t, textChunk("invokeai_graph", `{}`)),
			pngFile(t, textChunk("sd-metadata", `{"image": {"prompt": []}}`)), pngFile(t, textChunk("Dream", `"a red fox" -s 50 -S 1234 -W 512 -H 512 -C 7.5 -A k_lms`))},
		"NovelAI": {pngFile(t, textChunk("Title", "NovelAI generated image"), textChunk("Software", "NovelAI")),
			exifWebP(tagValue{0x0131, "NovelAI Diffusion V4.5"})},
		"Fooocus": {pngFile(t, textChunk("parameters", `{"prompt": "a red fox"}`), textChunk("fooocus_scheme", "fooocus")),
			exifJPEG(tagValue{0x0131, "Fooocus v2.5.0"}, ascii(`{"prompt": "a red fox"}`))},
		"SwarmUI":          {pngFile(t, textChunk("parameters", swarm)), exifJPEG(comment(swarm))},
		"Easy Diffusion":   {pngFile(t, textChunk("use_stable_diffusion_model", "m")), exifJPEG(ascii(easy))},
		"Stability Matrix": {pngFile(t, textChunk("smproj", `{"Version": 1}`))},
		"Draw Things":      {pngXMPFile(t, `xmp:CreatorTool="Draw Things"`)},
		"Midjourney": {pngFile(t, textChunk("Description", "a red fox --ar 3:2 --v 6.1 Job ID: "+someUUID), textChunk("Author", "someone")),
			pngXMPFile(t, `xmp:CreatorTool="Midjourney 7"`)},
		"OpenAI (ChatGPT, DALL·E)": {pngXMPFile(t, `Iptc4xmpExt:AISystemUsed="DALL·E 3"`), pngFile(t, textChunk("Software", "ChatGPT"))},
		"Adobe Firefly":            {pngXMPFile(t, `xmp:CreatorTool="Adobe Firefly 1.0"`), pngXMPFile(t, `Iptc4xmpExt:AISystemUsed="Firefly Image 4"`)},
		"Google AI (Gemini, Imagen)": {pngXMPFile(t, `photoshop:Credit="Made with Google AI"`), jpegFile(t, iimSegment(110, "Made with Google AI")),
			pngXMPFile(t, `Iptc4xmpExt:AISystemUsed="Imagen 4"`), pngFile(t, textChunk(xmpKeyword, string(xmpPacket(`photoshop:Credit="Edited with Google AI"`)))),
			pngFile(t, rawProfile("iptc", iimSegment(110, "Made with Google AI")[4+14:]))},
		"FLUX (Black Forest Labs)": {exifJPEG(tagValue{0x0131, "AI generated;txt2img;flux"}, tagValue{0x010F, "Black Forest Labs"}, tagValue{0x0110, "flux-dev"}),
			exifPNG(tagValue{0x0131, "AI generated;img2img;flux"})},
		"Grok (xAI)":   {exifJPEG(tagValue{0x010E, "Signature: " + longText()}, tagValue{0x013B, someUUID})},
		"Ideogram":     {exifPNG(tagValue{0x010F, "Ideogram AI"})},
		"Stability AI": {pngXMPFile(t, `xmp:CreatorTool="DreamStudio"`)},
		"Stable Diffusion": {exifJPEG(tagValue{0x0131, "Stable Diffusion XL"}),
			pngFile(t, textChunk("parameters", `{"prompt": "a", "negative_prompt": "b", "guidance_scale": 5}`))},
		"Microsoft (Designer, Bing Image Creator)": {pngXMPFile(t, `xmp:CreatorTool="Bing Image Creator"`)},
	}
}

func rawProfile(name string, body []byte) []byte {
	return textChunk("Raw profile type "+name, fmt.Sprintf("\n%s\n%8d\n%s\n", name, len(body), hex.EncodeToString(body)))
}

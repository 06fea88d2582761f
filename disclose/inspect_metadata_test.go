package disclose

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/avowai/avow/disclose/imagemeta"
)

// pngWith is a small picture with chunks behind its header.
func pngWith(t testing.TB, chunks ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 64, 48))); err != nil {
		t.Fatal(err)
	}
	out := append([]byte(nil), b.Bytes()[:33]...)
	for _, c := range chunks { // its kind, then its body
		out = binary.BigEndian.AppendUint32(out, uint32(len(c)-4))
		out = append(out, c...)
		out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(c)))
	}
	return append(out, b.Bytes()[33:]...)
}

func inspectBytes(t testing.TB, data []byte) *Report {
	t.Helper()
	d, err := NewDetector(DetectorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := d.Inspect(context.Background(), bytes.NewReader(data), Source{Name: "x.png"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func findingOf(r *Report, c Carrier) Finding { return r.Findings[c] }

const xmpChunk = "iTXtXML:com.adobe.xmp\x00\x00\x00\x00\x00" +
	`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
	`<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"` +
	` xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" %/></rdf:RDF></x:xmpmeta>`

func withXMP(attributes string) string { return strings.Replace(xmpChunk, "%", attributes, 1) }

func TestForeignMetadata(t *testing.T) {
	const prompt = `tEXtprompt` + "\x00" + `{"3": {"class_type": "KSampler", "inputs": {"text": "Canary Jane Doe"}}}`
	for name, c := range map[string]struct {
		chunks []string
		status Status
		detail string
	}{
		"nothing":        {nil, Absent, ""},
		"a camera's":     {[]string{"tEXtSoftware\x00Ver.02.00", withXMP(`photoshop:Credit="Canary Jane Doe"`)}, Absent, ""},
		"ComfyUI":        {[]string{prompt}, Present, "generator ComfyUI (PNG text)"},
		"Google":         {[]string{withXMP(`photoshop:Credit="Made with Google AI" Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"`)}, Present, "trainedAlgorithmicMedia; generator Google AI (Gemini, Imagen) (XMP)"},
		"AIGC":           {[]string{withXMP(`TC260:AIGC="{&quot;Label&quot;:&quot;2&quot;,&quot;ContentProducer&quot;:&quot;a\u202e&quot;,&quot;ProduceID&quot;:&quot;Canary&quot;}"`)}, Present, `AIGC label 2 (possibly generated) in XMP, producer a\u202e`},
		"AIGC text":      {[]string{"tEXtAIGC\x00{\"Label\":\"1\",\"PropagateID\":\"Canary\"}"}, Present, "AIGC label 1 (generated) in PNG text"},
		"XMP unreadable": {[]string{"iTXtXML:com.adobe.xmp\x00\x00\x00\x00\x00<x"}, NotChecked, "XMP is there but cannot be read"},
		"both":           {[]string{"iTXtXML:com.adobe.xmp\x00\x00\x00\x00\x00<x", prompt}, Present, "generator ComfyUI (PNG text)"},
		"unknown term":   {[]string{withXMP(`Iptc4xmpExt:AISystemUsed="model" Iptc4xmpExt:DigitalSourceType="Canary"`)}, Present, "model"},
	} {
		r := inspectBytes(t, pngWith(t, c.chunks...))
		f := findingOf(r, CarrierMetadata)
		if f.Status != c.status || f.Detail != c.detail {
			t.Errorf("%s: %s, %q; want %s, %q", name, f.Status, f.Detail, c.status, c.detail)
		}
		if c.status == Present && (r.Verdict != Present || r.Reason != CauseStatementOnly) {
			t.Errorf("%s: verdict %s, %s", name, r.Verdict, r.Reason)
		}
		if all, _ := json.Marshal(r); bytes.Contains(all, []byte("Canary")) {
			t.Errorf("%s: what is private is echoed: %s", name, all)
		}
	}
}

func TestManifestIsNamed(t *testing.T) {
	store := "caBX....jumbdigitalsourcetype/trainedAlgorithmicMedia softwareAgent ChatGPT"
	for body, named := range map[string]bool{store: true, "caBX....jumb ChatGPT, a photo": false} {
		f := findingOf(inspectBytes(t, pngWith(t, body)), CarrierManifest)
		if f.Status != Invalid || strings.Contains(f.Detail, "it names OpenAI (ChatGPT, DALL·E)") != named {
			t.Errorf("%s: %q; named %v", f.Status, f.Detail, named)
		}
	}
}

func TestAIGCLabel(t *testing.T) {
	for name, c := range map[string]struct {
		label    *AIGCLabel
		producer string
	}{
		"off": {nil, ""}, "provider": {&AIGCLabel{}, "Example GmbH"}, "code": {&AIGCLabel{Producer: "00123"}, "00123"},
	} {
		m := newTestMarker(t, func(o *Options) { o.AIGC = c.label })
		out, _, err := mark(t, m, Output{ContentType: "image/png"}, string(pngWith(t)), 0)
		if err != nil {
			t.Fatal(err)
		}
		o, err := imagemeta.ReadOrigin([]byte(out))
		if err != nil {
			t.Fatal(err)
		}
		want := imagemeta.AIGC{}
		if c.label != nil {
			want = imagemeta.AIGC{Label: "1", ContentProducer: c.producer, ProduceID: testID.String()}
		}
		if o.AIGC != want {
			t.Errorf("%s: %+v, want %+v", name, o.AIGC, want)
		}
	}
	if _, err := NewMarker(Options{AIGC: &AIGCLabel{}}); err != ErrAIGC {
		t.Errorf("a label without a producer: %v, want %v", err, ErrAIGC)
	}
	plain, with := newTestMarker(t, nil), newTestMarker(t, func(o *Options) { o.AIGC = &AIGCLabel{} })
	if plain.PolicyHash() == with.PolicyHash() {
		t.Error("the label changes the bytes, and not the hash of the policy")
	}
}

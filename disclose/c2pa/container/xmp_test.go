package container

import (
	"bytes"
	"compress/zlib"
	"strings"
	"testing"
)

const remoteURL = "https://example.com/a.c2pa"

func packet(inner string) []byte {
	return []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" ` + inner + `</rdf:RDF></x:xmpmeta>`)
}

func attribute(url string) []byte { return packet(`dcterms:provenance="` + url + `"/>`) }

// TestRemote: every format says where its manifest store is, if it is elsewhere.
func TestRemote(t *testing.T) {
	xmp := attribute(remoteURL)
	var deflated bytes.Buffer
	w := zlib.NewWriter(&deflated)
	if _, err := w.Write(xmp); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	const keyword = "XML:com.adobe.xmp\x00"
	trailer := []byte{1}
	for i := 255; i >= 0; i-- {
		trailer = append(trailer, byte(i))
	}
	for name, file := range map[string][]byte{
		"png":            pngFile(pngChunk("iTXt", append([]byte(keyword+"\x00\x00\x00\x00"), xmp...))),
		"png/compressed": pngFile(pngChunk("iTXt", append([]byte(keyword+"\x01\x00\x00\x00"), deflated.Bytes()...))),
		"jpeg":           jpegFile(jpegSegment(markAPP1, append([]byte(jpegXMP), xmp...))),
		"webp":           riffFile("WEBP", riffChunk("XMP ", xmp)),
		"wav":            riffFile("WAVE", riffChunk("_PMX", xmp)),
		"mp3":            id3Of(4, 0, id3FrameOf(4, "PRIV", append([]byte("XMP\x00"), xmp...))),
		"mp4":            append(ftyp(), bmffBox("uuid", []byte(uuidXMP), xmp)...),
		"gif":            gifFile(append(append([]byte(gifXMP), xmp...), append(trailer, 0)...)),
	} {
		if f, err := Find(file); err != nil || f.Remote != remoteURL {
			t.Errorf("%s: Remote = %q, %v, want %q", name, f.Remote, err, remoteURL)
		}
	}
}

func TestProvenance(t *testing.T) {
	for name, c := range map[string]struct {
		packet []byte
		want   string
	}{
		"attribute":       {attribute(remoteURL), remoteURL},
		"element":         {packet(`><dcterms:provenance>` + remoteURL + "\n" + `</dcterms:provenance></rdf:Description>`), remoteURL},
		"empty element":   {packet(`><dcterms:provenance/></rdf:Description>`), ""},
		"own store":       {attribute("self#jumbf=/c2pa/urn:c2pa:x"), ""},
		"other scheme":    {attribute("file:///etc/passwd"), ""},
		"a line":          {attribute("https://example.com/&#10;x"), ""},
		"too long":        {attribute("https://" + strings.Repeat("a", maxRemote)), ""},
		"other namespace": {[]byte(`<a xmlns:d="http://purl.org/dc/other/" d:provenance="` + remoteURL + `"/>`), ""},
		"not XML":         {[]byte("<<provenance"), ""},
		"large":           {append(attribute(remoteURL), make([]byte, maxXMP)...), ""},
	} {
		if got := provenance(c.packet); got != c.want {
			t.Errorf("%s: provenance = %q, want %q", name, got, c.want)
		}
	}
}

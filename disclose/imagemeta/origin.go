package imagemeta

import "bytes"

// An Origin is what the metadata of a file say about AI, whoever wrote them.
// Anybody can write all of it.
type Origin struct {
	// Fields are those of the file's XMP; zero where it has none, or where it
	// cannot be read, which XMPErr then says.
	Fields Fields
	XMPErr error
	// Generator is the name, out of the table of Generators, of the program or
	// service that left its traces, and Place where it did; empty where none is
	// known.
	Generator string
	Place     Place
	// AIGC is China's implicit label, and AIGCPlace where it is; the place is
	// empty where there is none.
	AIGC      AIGC
	AIGCPlace Place
	// Manifest is the name, out of the same table, that a C2PA manifest store
	// holds beside a digital source type of AI. Its signature is not looked at.
	Manifest string
}

// ReadOrigin reads all places of a PNG, JPEG or WebP file that generators are
// known to write to. It returns ErrFormat for another file, and reads damaged
// ones as far as it can.
func ReadOrigin(data []byte) (Origin, error) {
	if Sniff(data) == Unknown {
		return Origin{}, ErrFormat
	}
	var o Origin
	n := readNotes(data)
	packet, err := xmpOf(data)
	if err == nil && isBlank(packet) {
		packet = n.looseXMP()
	}
	if o.XMPErr = err; err == nil && !isBlank(packet) {
		o.XMPErr = o.readXMP(packet, n)
	}
	if o.AIGCPlace == "" {
		o.AIGC, o.AIGCPlace, _ = n.findAIGC()
	}
	o.Generator, o.Place = n.findGenerator()
	o.Manifest = storeName(data)
	return o, nil
}

// looseXMP is a packet that a converter put into a PNG text of another kind.
func (n *notes) looseXMP() []byte {
	for _, t := range n.all {
		if t.place == PlacePNG && (t.key == xmpKeyword || t.key == "Raw profile type xmp") && len(t.value) < maxNote {
			return []byte(t.value)
		}
	}
	return nil
}

// readXMP takes the fields of a packet, and its texts as notes.
func (o *Origin) readXMP(packet []byte, n *notes) error {
	v, err := viewXMP(packet)
	if err != nil {
		return err
	}
	o.Fields = v.fields
	if a, ok := ParseAIGC(v.fields.AIGC); ok {
		o.AIGC, o.AIGCPlace = a, PlaceXMP
	}
	f := v.fields
	for _, t := range []note{{PlaceXMP, "AISystemUsed", f.AISystemUsed}, {PlaceXMP, "CreatorTool", f.CreatorTool},
		{PlaceXMP, "Credit", f.Credit}, {PlaceXMP, "description", v.caption}} {
		if t.value != "" {
			n.all = append(n.all, t) // a packet has a limit of its own
		}
	}
	return nil
}

// maxStore bounds the part of a manifest store that is searched, in bytes.
const maxStore = 16 << 20

// storeName names the generator in a C2PA manifest store that says that AI took
// part. It does not parse the store, whose texts stand there in full (CBOR).
func storeName(data []byte) string {
	store := manifestStore(data)
	store = store[:min(len(store), maxStore)]
	if !bytes.Contains(store, []byte("digitalsourcetype/trainedAlgorithmicMedia")) &&
		!bytes.Contains(store, []byte("digitalsourcetype/compositeWithTrainedAlgorithmicMedia")) {
		return ""
	}
	for _, g := range generators {
		for _, name := range g.stores {
			if bytes.Contains(store, []byte(name)) {
				return g.Name
			}
		}
	}
	return ""
}

// manifestStore returns the bytes of a manifest store: of PNG's caBX chunk, of
// WebP's C2PA chunk, of JPEG's segments without the headers that each repeats
// (ISO 19566-5, annex D).
func manifestStore(data []byte) (store []byte) {
	const header = 16 // "JP", number, sequence, and the box's length and type
	switch Sniff(data) {
	case PNG, WebP:
		chunks, _ := pngChunks(data)
		if Sniff(data) == WebP {
			chunks, _, _ = webpChunks(data)
		}
		for _, c := range chunks {
			if c.kind == "caBX" || c.kind == "C2PA" {
				return c.data(data)
			}
		}
	case JPEG:
		segs, _, _ := jpegSegments(data)
		for _, s := range segs {
			if body := s.data(data); s.mark == markAPP11 && len(body) > header && string(body[:2]) == "JP" && len(store) < maxStore {
				store = append(store, body[header:]...)
			}
		}
	}
	return store
}

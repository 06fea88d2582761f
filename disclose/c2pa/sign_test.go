package c2pa

import "time"

// fullManifest uses every field that needs no parent.
func fullManifest() Manifest {
	return Manifest{
		Title:        "cat",
		Generator:    Generator{"avow", "1.2.0"},
		Software:     Generator{"painter", "3"},
		SourceType:   TrainedAlgorithmicMedia,
		When:         time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		SoftBinding:  &SoftBinding{"com.github.avowai.image-mark.1", []byte{0x9f, 0x3c, 0x52, 0xd0, 0x7a, 0xb1, 0xe6, 0x44}},
		AIDisclosure: &AIDisclosure{ModelName: "painter", ModelIdentifier: "https://example.com/painter", Oversight: "prompt_guided"},
		Training:     map[string]string{"cawg.ai_generative_training": "notAllowed", "cawg.data_mining": "allowed"},
	}
}

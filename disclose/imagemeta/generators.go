package imagemeta

import (
	"regexp"
	"strings"
)

// A Generator is a program or service that makes pictures and leaves its name,
// or settings of a form of its own, in their metadata.
type Generator struct {
	// Name is how the program calls itself.
	Name string
	// Source is where it is published what it writes: its own code or
	// documentation where that is open, else others' reading of its files.
	Source string

	signs  []sign
	stores []string // names in a C2PA manifest store
}

// Generators returns the table of what is recognised, in the order in which it
// is asked: programs that also write the form of another come before it.
func Generators() []Generator { return append([]Generator(nil), generators...) }

// A sign is a set of texts that all have to be there.
type sign []trait

// A trait is what one text has to look like.
type trait struct {
	place Place
	key   string
	is    func(value string) bool
}

// all says that the values of a place have every one of words.
func all(place Place, key string, words ...string) trait {
	return trait{place, key, func(v string) bool {
		for _, w := range words {
			if !strings.Contains(v, w) {
				return false
			}
		}
		return true
	}}
}

// begins says that a value begins with one of words, in any letter case, and
// that the word ends there: "Firefly" is no beginning of "Fireflyer".
func begins(place Place, key string, words ...string) trait {
	return trait{place, key, func(v string) bool { return beginsWith(v, words) }}
}

func beginsWith(v string, words []string) bool {
	for _, w := range words {
		if len(v) < len(w) || !strings.EqualFold(v[:len(w)], w) {
			continue
		}
		if rest := v[len(w):]; rest == "" || !isWordByte(rest[0]) {
			return true
		}
	}
	return false
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// maxPattern bounds what an expression is tried on, in bytes: the texts that are
// meant are prompts and ids.
const maxPattern = 16 << 10

func matches(place Place, key string, re *regexp.Regexp) trait {
	return trait{place, key, func(v string) bool { return len(v) <= maxPattern && re.MatchString(v) }}
}

// anyOf is one sign for each trait.
func anyOf(traits ...trait) (signs []sign) {
	for _, t := range traits {
		signs = append(signs, sign{t})
	}
	return signs
}

// tool is one sign for each field that names the program that made the file.
// Credits and captions are none: a person who writes about a generator, or has
// used one for the caption, names it there too.
func tool(words ...string) []sign {
	return anyOf(
		begins(PlacePNG, "Software", words...), begins(PlaceEXIF, "Software", words...),
		begins(PlaceEXIF, "ProcessingSoftware", words...), begins(PlaceEXIF, "Make", words...),
		begins(PlaceXMP, "CreatorTool", words...), begins(PlaceXMP, "AISystemUsed", words...),
		begins(PlaceIPTC, "OriginatingProgram", words...),
	)
}

// system is the field that names an AI system by the definition of IPTC: there,
// words that mean other things elsewhere are plain.
func system(words ...string) []sign { return anyOf(begins(PlaceXMP, "AISystemUsed", words...)) }

// credit is one sign for each field of the credit line. Only whole phrases that
// a service is known to write belong here.
func credit(phrases ...string) []sign {
	return anyOf(begins(PlaceXMP, "Credit", phrases...), begins(PlaceIPTC, "Credit", phrases...), begins(PlacePNG, "Credit", phrases...))
}

func signs(sets ...[]sign) (out []sign) {
	for _, s := range sets {
		out = append(out, s...)
	}
	return out
}

// settings is one sign for each place where the web UIs of Stable Diffusion put
// their line of settings, or its JSON counterpart.
func settings(words ...string) []sign {
	return anyOf(all(PlacePNG, "parameters", words...), all(PlaceEXIF, "UserComment", words...), all(PlaceComment, "", words...))
}

var (
	jobID     = regexp.MustCompile(`Job ID: [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\s*$`)
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	signature = regexp.MustCompile(`^Signature: [A-Za-z0-9+/=_-]{40,}$`)
	dream     = regexp.MustCompile(`^".*" .*-s ?[0-9]+ .*-S ?[0-9]+`)
)

// generators is the table. A value has to look like what the generator writes:
// a keyword alone, such as "parameters" or "workflow", is anybody's.
var generators = []Generator{
	{Name: "SwarmUI", Source: "github.com/mcmonkeyprojects/SwarmUI: parameters with sui_image_params",
		signs: settings(`"sui_image_params"`)},
	{Name: "Fooocus", Source: "github.com/lllyasviel/Fooocus, modules/meta_parser.py: fooocus_scheme; EXIF Software",
		signs: signs(anyOf(begins(PlacePNG, "fooocus_scheme", "fooocus", "a1111")), tool("Fooocus", "RuinedFooocus"),
			settings(`"software": "RuinedFooocus"`))},
	{Name: "InvokeAI", Source: "github.com/invoke-ai/InvokeAI: invokeai_metadata, _graph, _workflow; before, sd-metadata and Dream",
		signs: signs(anyOf(all(PlacePNG, "invokeai_metadata", "{"), all(PlacePNG, "invokeai_graph", "{"), all(PlacePNG, "invokeai_workflow", "{"),
			all(PlacePNG, "sd-metadata", `"image"`), matches(PlacePNG, "Dream", dream)), tool("InvokeAI"))},
	{Name: "NovelAI", Source: "github.com/NovelAI/novelai-image-metadata: Title, Software, Source, Comment",
		signs: signs(tool("NovelAI"), anyOf(begins(PlacePNG, "Title", "NovelAI generated image"),
			begins(PlaceEXIF, "ImageDescription", "NovelAI generated image")))},
	{Name: "Easy Diffusion", Source: "github.com/easydiffusion/easydiffusion, save_utils.py: one text for each setting",
		signs: signs(anyOf(all(PlacePNG, "use_stable_diffusion_model"), all(PlacePNG, "Stable Diffusion model")),
			settings(`"use_stable_diffusion_model"`), settings(`"Stable Diffusion model"`))},
	{Name: "Stability Matrix", Source: "github.com/LykosAI/StabilityMatrix: parameters-json, smproj",
		signs: anyOf(all(PlacePNG, "smproj", "{"), all(PlacePNG, "parameters-json", "{"))},
	{Name: "Draw Things", Source: "github.com/receyuki/stable-diffusion-prompt-reader: XMP CreatorTool",
		signs: tool("Draw Things")},
	{Name: "TensorArt", Source: "github.com/enslo/sd-metadata: generation_data",
		signs: anyOf(all(PlacePNG, "generation_data", `"baseModel"`, `"prompt"`))},
	{Name: "Civitai", Source: "github.com/enslo/sd-metadata: settings with Civitai metadata; a ComfyUI prompt with extraMetadata",
		signs: signs(settings("Civitai resources: ", "Civitai metadata: "), settings(`"class_type"`, `"extraMetadata"`))},
	{Name: "ComfyUI", Source: "github.com/comfyanonymous/ComfyUI, nodes.py: prompt, workflow; in WebP, EXIF Make and Model; nodes of others put both into other tags",
		signs: signs(anyOf(all(PlacePNG, "prompt", `"class_type"`), all(PlacePNG, "workflow", `"nodes"`, `"links"`),
			all(PlacePNG, "workflow", `"last_node_id"`), all(PlaceEXIF, "Model", "prompt:{", `"class_type"`),
			all(PlaceEXIF, "Make", "workflow:{"), all(PlaceEXIF, "UserComment", `"class_type"`, `"inputs"`),
			all(PlaceEXIF, "Make", "Prompt: {", `"class_type"`), all(PlaceEXIF, "ImageDescription", "Workflow: {", `"nodes"`)),
			settings("Steps: ", "Version: ComfyUI"), tool("ComfyUI"))},
	{Name: "SD.Next", Source: "github.com/vladmandic/sdnext: settings with App: SD.Next",
		signs: signs(settings("Steps: ", "App: SD.Next"), tool("SD.Next"))},
	{Name: "Stable Diffusion WebUI Forge", Source: "github.com/lllyasviel/stable-diffusion-webui-forge: settings with a version that begins with f; its forks neo and classic",
		signs: signs(settings("Steps: ", "Sampler: ", "Version: f"), settings("Steps: ", "Sampler: ", "Version: neo"),
			settings("Steps: ", "Sampler: ", "Version: classic"))},
	{Name: "Stable Diffusion web UI", Source: "github.com/AUTOMATIC1111/stable-diffusion-webui, modules/images.py: parameters; EXIF UserComment",
		signs: signs(settings("Steps: ", "Sampler: "), settings("Steps: ", "CFG scale: "))},
	{Name: "Midjourney", Source: "iptc.org/news, 2023 (Digital Source Type); Description that ends with a job id",
		signs:  signs(anyOf(matches(PlacePNG, "Description", jobID), matches(PlaceXMP, "description", jobID)), tool("Midjourney")),
		stores: []string{"Midjourney"}},
	{Name: "OpenAI (ChatGPT, DALL·E)", Source: "help.openai.com, C2PA in ChatGPT images: claim generator, software agent",
		signs:  tool("ChatGPT", "DALL-E", "DALL·E", "DALLE", "OpenAI", "gpt-image"),
		stores: []string{"ChatGPT", "OpenAI", "DALL·E", "gpt-image"}},
	{Name: "Adobe Firefly", Source: "contentauthenticity.adobe.com and helpx.adobe.com, Content Credentials: software agent",
		signs: signs(tool("Adobe Firefly"), system("Firefly")), stores: []string{"Adobe Firefly", "Adobe_Firefly"}},
	{Name: "Google AI (Gemini, Imagen)", Source: "iptc.org/news, October 2024: Credit beside Digital Source Type",
		signs: signs(credit("Made with Google AI", "Edited with Google AI", "AI-Generated with Google"),
			tool("Google Gemini", "Google Imagen", "Google AI Studio"), system("Gemini", "Imagen", "Nano Banana")),
		stores: []string{"Google Generative AI", "Made with Google AI", "Google C2PA Core Generator"}},
	{Name: "FLUX (Black Forest Labs)", Source: "github.com/black-forest-labs/flux, src/flux/util.py: EXIF Software, Make",
		signs:  signs(anyOf(all(PlaceEXIF, "Software", "AI generated;", "flux")), tool("Black Forest Labs"), system("FLUX")),
		stores: []string{"Black Forest Labs"}},
	{Name: "Grok (xAI)", Source: "readings of its files of 2026: a signature as EXIF description beside a UUID as artist",
		signs: signs([]sign{{matches(PlaceEXIF, "ImageDescription", signature), matches(PlaceEXIF, "Artist", uuid)}},
			tool("xAI Grok"), system("Grok")),
		stores: []string{"xAI Grok"}},
	{Name: "Ideogram", Source: "readings of its files of 2026: EXIF Make",
		signs: tool("Ideogram AI", "Ideogram")},
	{Name: "Stability AI", Source: "stability.ai, Content Credentials: claim generator",
		signs: tool("Stability AI", "DreamStudio", "Stable Image"), stores: []string{"Stability AI"}},
	{Name: "Stable Diffusion", Source: "the model's name where a program gives it as the tool; parameters as Spaces on huggingface.co write them",
		signs: signs(tool("Stable Diffusion"), anyOf(all(PlacePNG, "parameters", `"prompt"`, `"negative_prompt"`, `"guidance_scale"`)))},
	{Name: "Samsung Photo assist", Source: "readings of its files of 2026: software agent", stores: []string{"Photo assist"}},
	{Name: "Microsoft (Designer, Bing Image Creator)", Source: "learn.microsoft.com, Content Credentials in Azure OpenAI: claim generator",
		signs:  tool("Bing Image Creator", "Microsoft Designer", "Image Creator from Designer", "Image Creator from Microsoft"),
		stores: []string{"Microsoft_Responsible_AI", "Microsoft Responsible AI", "Bing Image Creator", "Microsoft Designer"}},
}

// findGenerator asks the table.
func (n *notes) findGenerator() (name string, place Place) {
	for i := range generators {
		for _, s := range generators[i].signs {
			if place, ok := n.has(s); ok {
				return generators[i].Name, place
			}
		}
	}
	return "", ""
}

// has reports whether all of a sign is there, and where its first text is.
func (n *notes) has(s sign) (Place, bool) {
	for _, t := range s {
		if !n.some(t) {
			return "", false
		}
	}
	return s[0].place, true
}

func (n *notes) some(t trait) bool {
	for _, text := range n.all {
		if text.place == t.place && text.key == t.key && t.is(strings.TrimSpace(text.value)) {
			return true
		}
	}
	return false
}

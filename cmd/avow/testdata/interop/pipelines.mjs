// Pushes texts through what programs do to text, and prints what comes out.
//
// Usage: node pipelines.mjs < TEXTS.json > RESULTS.json
//
// TEXTS is one JSON object, text by name. RESULTS has an object for each
// pipeline: {"PIPELINE": {"loss": LOSS, "texts": {NAME: TEXT}}}. LOSS says what
// a pipeline is known to do:
//   none    the same characters come out
//   shape   white space, letters or markup change, invisible characters stay
//   cut     a part is missing
//   strip   invisible characters are removed or replaced on purpose or by charset
import { gunzipSync, gzipSync } from "node:zlib";
import { Marked } from "marked";
import sanitize from "sanitize-html";
import Turndown from "turndown";

const html = (text) => new Marked().parse(text);
const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const entity = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
const unescape = (text) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (e) => entity[e]);
const graphemes = (text) => [...new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)].map((s) => s.segment);
const words = (text) => [...new Intl.Segmenter("en", { granularity: "word" }).segment(text)].map((s) => s.segment);
const ascii = (text) => JSON.stringify(text).replace(/[^\x20-\x7E]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const csv = (text) => `"${text.replaceAll('"', '""')}"`.slice(1, -1).replaceAll('""', '"');

// chunked decodes UTF-8 that arrives in pieces which end anywhere.
function chunked(text, size = 7) {
  const bytes = new TextEncoder().encode(text), decoder = new TextDecoder();
  let out = "";
  for (let i = 0; i < bytes.length; i += size) out += decoder.decode(bytes.subarray(i, i + size), { stream: true });
  return out + decoder.decode();
}

// wrap breaks lines at spaces, as mail programs do.
const wrap = (text, width = 78) => text.replace(new RegExp(`(?![^\\n]{1,${width}}$)([^\\n]{1,${width}})\\s`, "g"), "$1\n");

const pipelines = {
  none: {
    "JSON.stringify": (t) => JSON.parse(JSON.stringify(t)),
    "JSON in ASCII": (t) => JSON.parse(ascii(t)),
    encodeURIComponent: (t) => decodeURIComponent(encodeURIComponent(t)),
    URLSearchParams: (t) => new URLSearchParams(new URLSearchParams({ t }).toString()).get("t"),
    structuredClone: (t) => structuredClone(t),
    "normalize NFC": (t) => t.normalize("NFC"),
    TextEncoder: (t) => new TextDecoder().decode(new TextEncoder().encode(t)),
    "TextDecoder in chunks": (t) => chunked(t),
    "Buffer utf16le": (t) => Buffer.from(t, "utf16le").toString("utf16le"),
    "Buffer base64": (t) => Buffer.from(Buffer.from(t).toString("base64"), "base64").toString(),
    gzip: (t) => gunzipSync(gzipSync(t)).toString(),
    "code points joined": (t) => [...t].join(""),
    "graphemes joined": (t) => graphemes(t).join(""),
    "words joined": (t) => words(t).join(""),
    "CSV field": csv,
    "HTML escape": (t) => unescape(t.replace(/[&<>"]/g, (c) => escapes[c])),
    "strip zero width": (t) => t.replace(/[\u200B-\u200D\u2060\uFEFF]/g, ""),
    "strip \\p{Cf}": (t) => t.replace(/\p{Cf}/gu, ""),
    "strip control": (t) => t.replace(/[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]/g, ""),
    toWellFormed: (t) => t.toWellFormed(),
  },
  shape: {
    "normalize NFD": (t) => t.normalize("NFD"),
    "normalize NFKC": (t) => t.normalize("NFKC"),
    "normalize NFKD": (t) => t.normalize("NFKD"),
    trim: (t) => t.trim(),
    "trim lines": (t) => t.split("\n").map((l) => l.trim()).join("\n"),
    "collapse \\s+": (t) => t.replace(/\s+/g, " "),
    "split on spaces": (t) => t.split(/\s+/).filter(Boolean).join(" "),
    "wrap at 78": (t) => wrap(t),
    "CRLF lines": (t) => t.replace(/\n/g, "\r\n"),
    "quoted reply": (t) => t.split("\n").map((l) => "> " + l).join("\n"),
    toUpperCase: (t) => t.toUpperCase(),
    toLowerCase: (t) => t.toLowerCase(),
    "straight quotes": (t) => t.replace(/[\u201C\u201D]/g, '"').replace(/[\u2018\u2019]/g, "'"),
    "marked to HTML": html,
    "sanitize-html": (t) => sanitize(t),
    "sanitize-html of marked": (t) => sanitize(html(t)),
    "text of HTML": (t) => unescape(sanitize(html(t), { allowedTags: [], allowedAttributes: {} })),
    turndown: (t) => new Turndown().turndown(html(t)),
  },
  cut: {
    "slice 500 to 1000": (t) => t.slice(500, 1000),
    "first 1000 graphemes": (t) => graphemes(t).slice(0, 1000).join(""),
    "second paragraph": (t) => t.split(/\n{2,}/)[1] ?? "",
    "strip emoji": (t) => t.replace(/\p{Extended_Pictographic}/gu, ""),
    "last half": (t) => t.slice(t.length / 2),
  },
  strip: {
    "Buffer latin1": (t) => Buffer.from(t, "latin1").toString("latin1"),
    "Buffer ascii": (t) => Buffer.from(t, "ascii").toString("ascii"),
    "strip \\p{M}": (t) => t.replace(/\p{M}/gu, ""),
    "strip default ignorable": (t) => t.replace(/\p{Default_Ignorable_Code_Point}/gu, ""),
    "strip variation selectors": (t) => t.replace(/\p{Variation_Selector}/gu, ""),
    "strip non-ASCII": (t) => t.replace(/[^\x00-\x7F]/g, ""),
  },
};

async function main() {
  let input = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) input += chunk;
  const texts = Object.entries(JSON.parse(input));
  const results = {};
  for (const [loss, group] of Object.entries(pipelines)) {
    for (const [name, run] of Object.entries(group)) {
      results[name] = { loss, texts: Object.fromEntries(texts.map(([key, text]) => [key, run(text)])) };
    }
  }
  process.stdout.write(JSON.stringify(results) + "\n");
}

main().catch((e) => {
  console.error(`${e.message}\nusage: node pipelines.mjs < TEXTS.json > RESULTS.json`);
  process.exitCode = 2;
});

// Pushes texts through what programs do to text, and prints what comes out.
//
// Usage: node pipelines.mjs < TEXTS.json > RESULTS.json
//
// TEXTS is one JSON object, text by name. RESULTS is a list with an object for each
// pipeline: {"group": GROUP, "name": NAME, "loss": LOSS, "texts": {NAME: TEXT}}.
// Encodings are undone. LOSS says what a pipeline is known to do:
//   none    the same characters come out
//   shape   white space, letters or markup change, invisible characters stay
//   lines   the same, and where lines break depends on how many characters there are
//   cut     a part is missing
//   strip   invisible characters are removed or replaced on purpose or by charset
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import querystring from "node:querystring";
import { deserialize, serialize } from "node:v8";
import { gunzipSync, gzipSync } from "node:zlib";
import MarkdownIt from "markdown-it";
import { Marked } from "marked";
import Papa from "papaparse";
import sanitize from "sanitize-html";
import Turndown from "turndown";

const html = (text) => new Marked().parse(text);
const markdownIt = new MarkdownIt({ html: true, linkify: true, typographer: true });
const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const entity = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };
const unescape = (text) => text.replace(/&(?:amp|lt|gt|quot|#39);/g, (e) => entity[e]);
const segments = (text, granularity) => [...new Intl.Segmenter("en", { granularity }).segment(text)].map((s) => s.segment);
const ascii = (text) => JSON.stringify(text).replace(/[^\x20-\x7E]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const charset = (text, name) => Buffer.from(text, name).toString(name);

// chunked decodes UTF-8 that arrives in pieces which end anywhere.
function chunked(text, size = 7) {
  const bytes = new TextEncoder().encode(text), decoder = new TextDecoder();
  let out = "";
  for (let i = 0; i < bytes.length; i += size) out += decoder.decode(bytes.subarray(i, i + size), { stream: true });
  return out + decoder.decode();
}

// wrap breaks lines at spaces, as mail programs do.
const wrap = (text, width = 78) => text.replace(new RegExp(`(?![^\\n]{1,${width}}$)([^\\n]{1,${width}})\\s`, "g"), "$1\n");

function file(text) {
  const dir = mkdtempSync(join(tmpdir(), "avow-"));
  try {
    writeFileSync(join(dir, "text"), text);
    return readFileSync(join(dir, "text"), "utf8");
  } finally {
    rmSync(dir, { recursive: true });
  }
}

// form sends a text as the field of a form, multipart or URL encoded, and reads it.
// Sending makes CRLF of line ends in the first; LF comes back.
async function form(body, text) {
  body.append("a", text);
  const got = await new Response(body).formData();
  return got.get("a").replace(/\r\n/g, "\n");
}

const compressed = (text) =>
  new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("deflate")).pipeThrough(new DecompressionStream("deflate"))).text();

const pipelines = [
  ["encoding", "JSON.stringify", "none", (t) => JSON.parse(JSON.stringify(t))],
  ["encoding", "JSON, all of it ASCII", "none", (t) => JSON.parse(ascii(t))],
  ["encoding", "encodeURIComponent", "none", (t) => decodeURIComponent(encodeURIComponent(t))],
  ["encoding", "URLSearchParams", "none", (t) => new URLSearchParams(new URLSearchParams({ t }).toString()).get("t")],
  ["encoding", "URL query", "none", (t) => new URL("http://a.example/?t=" + encodeURIComponent(t)).searchParams.get("t")],
  ["encoding", "querystring", "none", (t) => querystring.parse(querystring.stringify({ t })).t],
  ["encoding", "FormData, multipart", "none", (t) => form(new FormData(), t)],
  ["encoding", "form, URL encoded", "none", (t) => form(new URLSearchParams(), t)],
  ["encoding", "Response, JSON", "none", (t) => Response.json({ t }).json().then((v) => v.t)],
  ["encoding", "structuredClone", "none", (t) => structuredClone(t)],
  ["encoding", "v8.serialize", "none", (t) => deserialize(serialize(t))],
  ["encoding", "TextEncoder and TextDecoder", "none", (t) => new TextDecoder().decode(new TextEncoder().encode(t))],
  ["encoding", "TextDecoder, chunks of 7 bytes", "none", (t) => chunked(t)],
  ["encoding", "Buffer, utf16le", "none", (t) => charset(t, "utf16le")],
  ["encoding", "Buffer, base64", "none", (t) => Buffer.from(Buffer.from(t).toString("base64"), "base64").toString()],
  ["encoding", "gzip", "none", (t) => gunzipSync(gzipSync(t)).toString()],
  ["encoding", "CompressionStream", "none", compressed],
  ["encoding", "file", "none", file],
  ["encoding", "CSV, papaparse", "none", (t) => Papa.parse(Papa.unparse([["a", t]])).data[0][1]],
  ["encoding", "HTML escapes", "none", (t) => unescape(t.replace(/[&<>"]/g, (c) => escapes[c]))],
  ["encoding", "Buffer, latin1", "strip", (t) => charset(t, "latin1")],
  ["encoding", "Buffer, ascii", "strip", (t) => charset(t, "ascii")],
  ["normal form", "normalize, NFC", "none", (t) => t.normalize("NFC")],
  ["normal form", "normalize, NFD", "shape", (t) => t.normalize("NFD")],
  ["normal form", "normalize, NFKC", "shape", (t) => t.normalize("NFKC")],
  ["normal form", "normalize, NFKD", "shape", (t) => t.normalize("NFKD")],
  ["normal form", "toWellFormed", "none", (t) => t.toWellFormed()],
  ["case", "toUpperCase", "shape", (t) => t.toUpperCase()],
  ["case", "toLowerCase", "shape", (t) => t.toLowerCase()],
  ["white space", "trim", "shape", (t) => t.trim()],
  ["white space", "trim of lines", "shape", (t) => t.split("\n").map((l) => l.trim()).join("\n")],
  ["white space", "\\s+ to one space", "shape", (t) => t.replace(/\s+/g, " ")],
  ["white space", "[\\s\\p{Z}]+ to one space", "shape", (t) => t.replace(/[\s\p{Z}]+/gu, " ")],
  ["white space", "split at \\s+, joined", "shape", (t) => t.split(/\s+/).filter(Boolean).join(" ")],
  ["white space", "wrapped at 78 columns", "lines", (t) => wrap(t)],
  ["white space", "LF to CRLF", "shape", (t) => t.replace(/\n/g, "\r\n")],
  ["white space", "quoted reply", "shape", (t) => t.split("\n").map((l) => "> " + l).join("\n")],
  ["cutting", "code points joined", "none", (t) => [...t].join("")],
  ["cutting", "graphemes joined", "none", (t) => segments(t, "grapheme").join("")],
  ["cutting", "words joined", "none", (t) => segments(t, "word").join("")],
  ["cutting", "sentences joined", "none", (t) => segments(t, "sentence").join("")],
  ["cutting", "slice, 500 to 1000", "cut", (t) => t.slice(500, 1000)],
  ["cutting", "first 1000 graphemes", "cut", (t) => segments(t, "grapheme").slice(0, 1000).join("")],
  ["cutting", "second half", "cut", (t) => t.slice(t.length / 2)],
  ["markup", "marked", "shape", html],
  ["markup", "markdown-it", "shape", (t) => markdownIt.render(t)],
  ["markup", "sanitize-html", "shape", (t) => sanitize(t)],
  ["markup", "marked, sanitize-html", "shape", (t) => sanitize(html(t))],
  ["markup", "marked, then tags removed", "shape", (t) => unescape(sanitize(html(t), { allowedTags: [], allowedAttributes: {} }))],
  ["markup", "marked, turndown", "shape", (t) => new Turndown().turndown(html(t))],
  ["filter", "zero width and BOM", "none", (t) => t.replace(/[\u200B-\u200D\u2060\uFEFF]/g, "")],
  ["filter", "format characters (Cf)", "none", (t) => t.replace(/\p{Cf}/gu, "")],
  ["filter", "control characters", "none", (t) => t.replace(/[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]/g, "")],
  ["filter", "pictures (Extended_Pictographic)", "shape", (t) => t.replace(/\p{Extended_Pictographic}/gu, "")],
  ["filter", "straight quotes", "shape", (t) => t.replace(/[\u201C\u201D]/g, '"').replace(/[\u2018\u2019]/g, "'")],
  ["filter", "marks (M)", "strip", (t) => t.replace(/\p{M}/gu, "")],
  ["filter", "default ignorable", "strip", (t) => t.replace(/\p{Default_Ignorable_Code_Point}/gu, "")],
  ["filter", "all selectors", "strip", (t) => t.replace(/\p{Variation_Selector}/gu, "")],
  ["filter", "all but ASCII", "strip", (t) => t.replace(/[^\x00-\x7F]/g, "")],
];

async function main() {
  let input = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) input += chunk;
  const texts = Object.entries(JSON.parse(input));
  const results = [];
  for (const [group, name, loss, run] of pipelines) {
    const out = {};
    for (const [key, text] of texts) out[key] = await run(text);
    results.push({ group, name, loss, texts: out });
  }
  process.stdout.write(JSON.stringify(results) + "\n");
}

main().catch((e) => {
  console.error(`${e.message}\nusage: node pipelines.mjs < TEXTS.json > RESULTS.json`);
  process.exitCode = 2;
});

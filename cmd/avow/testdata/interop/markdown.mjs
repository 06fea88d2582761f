// Renders pairs of Markdown documents, without and with text marks, and reports
// which of them look different once the marks are taken out of the HTML.
//
// Usage: node markdown.mjs DIR
//
// DIR holds NAME.md and NAME.marked.md, in folders too. Prints one JSON object:
//   documents  number of pairs
//   unmarked   names whose marked document holds no mark
//   changed    names where removing the marks does not give NAME.md again
//   differ     by renderer, names whose HTML differs
// Exit status: 0 whatever was found, 2 when DIR holds no pair or cannot be read.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import MarkdownIt from "markdown-it";
import { Marked } from "marked";
import { unmark } from "./unmark.mjs";

const commonmark = new MarkdownIt("commonmark"), linkify = new MarkdownIt({ html: true, linkify: true, typographer: true });
const gfm = new Marked({ gfm: true }), breaks = new Marked({ gfm: true, breaks: true });
const renderers = {
  marked: (text) => gfm.parse(text),
  "marked-breaks": (text) => breaks.parse(text),
  "markdown-it": (text) => linkify.render(text),
  "markdown-it-commonmark": (text) => commonmark.render(text),
};

// pairs lists the documents of dir that have a marked twin, by name.
function pairs(dir) {
  const files = new Set(readdirSync(dir, { recursive: true }));
  return [...files].filter((f) => f.endsWith(".md") && files.has(twin(f))).sort();
}

const twin = (file) => file.replace(/\.md$/, ".marked.md");

function compare(dir) {
  const report = { documents: 0, unmarked: [], changed: [], differ: {} };
  for (const name of Object.keys(renderers)) report.differ[name] = [];
  for (const file of pairs(dir)) {
    report.documents++;
    const plain = readFileSync(join(dir, file), "utf8"), marked = readFileSync(join(dir, twin(file)), "utf8");
    if (unmark(marked) === marked) report.unmarked.push(file);
    if (unmark(marked) !== plain) report.changed.push(file);
    for (const [name, render] of Object.entries(renderers)) {
      if (unmark(render(marked)) !== render(plain)) report.differ[name].push(file);
    }
  }
  return report;
}

try {
  if (process.argv.length !== 3) throw new Error("usage: node markdown.mjs DIR");
  const report = compare(process.argv[2]);
  if (report.documents === 0) throw new Error(`${process.argv[2]}: no NAME.md with a NAME.marked.md`);
  console.log(JSON.stringify(report));
} catch (e) {
  console.error(e.message);
  process.exitCode = 2;
}

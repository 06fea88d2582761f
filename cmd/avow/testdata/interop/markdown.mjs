// Renders Markdown documents without and with text marks, and reports which of
// them look different once the marks are taken out of the HTML.
//
// Usage: node markdown.mjs DIR
//
// DIR holds, in folders too, NAME.md and its twins NAME.HOW.md, where HOW says in
// which way a twin was marked. Prints one JSON object:
//   documents  number of documents that have a twin
//   twins      by HOW: {"marked": documents with a mark, "marks": marks in them}
//   changed    twins that are not NAME.md again when their marks are taken out
//   differ     by renderer, twins whose HTML differs
//   inside     by renderer, twins with a mark in a tag or in code of the HTML
// Exit status: 0 whatever was found, 2 when DIR holds no twin or cannot be read.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import MarkdownIt from "markdown-it";
import { Marked } from "marked";
import { count, unmark } from "./unmark.mjs";

const marked = (options) => {
  const m = new Marked(options);
  return (text) => m.parse(text);
};
const markdownIt = (...options) => {
  const m = new MarkdownIt(...options);
  return (text) => m.render(text);
};
const renderers = {
  marked: marked({ gfm: true }),
  "marked, breaks": marked({ gfm: true, breaks: true }),
  "marked, no GFM": marked({ gfm: false }),
  "marked, pedantic": marked({ pedantic: true }),
  "markdown-it": markdownIt(),
  "markdown-it, HTML, linkify, typographer": markdownIt({ html: true, linkify: true, typographer: true }),
  "markdown-it, breaks": markdownIt({ html: true, linkify: true, breaks: true }),
  "markdown-it, CommonMark": markdownIt("commonmark"),
};

// What a mark may not stand in: a tag, a comment, and what is read as it stands.
const closed = /<(code|pre|script|style|textarea|title)\b[^]*?<\/\1>|<!--(?:-?>|[^]*?-->)|<[a-z/!?][^<>]*>/gi;
const inside = (html) => (html.match(closed) ?? []).some((part) => count(part) > 0);

// twinsOf lists the marked documents of dir by the plain one that they belong to.
function twinsOf(dir) {
  const files = readdirSync(dir, { recursive: true }).filter((f) => f.endsWith(".md")).sort();
  const twins = new Map(files.map((f) => [f, []]));
  for (const file of files) {
    const [, name, how] = file.match(/^(.*)\.([^./\\]+)\.md$/) ?? [];
    twins.get(`${name}.md`)?.push({ file, how });
  }
  return [...twins].filter(([, list]) => list.length > 0);
}

function compare(dir) {
  const names = Object.keys(renderers);
  const lists = () => Object.fromEntries(names.map((name) => [name, []]));
  const report = { documents: 0, twins: {}, changed: [], differ: lists(), inside: lists() };
  for (const [file, twins] of twinsOf(dir)) {
    report.documents++;
    const plain = readFileSync(join(dir, file), "utf8");
    const rendered = Object.fromEntries(names.map((name) => [name, renderers[name](plain)]));
    for (const twin of twins) look(report, twin, readFileSync(join(dir, twin.file), "utf8"), plain, rendered);
  }
  return report;
}

// look compares one twin with the plain text and what renderers made of that.
function look(report, { file, how }, text, plain, rendered) {
  const seen = (report.twins[how] ??= { marked: 0, marks: 0 });
  const marks = count(text);
  if (unmark(text) !== plain) report.changed.push(file);
  if (marks === 0) return;
  seen.marked++;
  seen.marks += marks;
  for (const [name, html] of Object.entries(rendered)) {
    const got = renderers[name](text);
    if (unmark(got) !== html) report.differ[name].push(file);
    if (inside(got)) report.inside[name].push(file);
  }
}

try {
  if (process.argv.length !== 3) throw new Error("usage: node markdown.mjs DIR");
  const report = compare(process.argv[2]);
  if (report.documents === 0) throw new Error(`${process.argv[2]}: no NAME.md with a NAME.HOW.md`);
  console.log(JSON.stringify(report));
} catch (e) {
  console.error(e.message);
  process.exitCode = 2;
}

// Two streams that no official client reads today: Gemini's as one JSON array
// (without alt=sse), and the native routes of text-generation-inference, whose
// own client moved to Chat Completions. fetch and a strict parser read them.
import { EventSourceParserStream } from "eventsource-parser/stream";
import { Joined, each, named, question } from "./shared.mjs";

async function post(url, body) {
  const r = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!r.ok) throw new Error(`${r.status} ${await r.text()}`);
  return r;
}

async function array(url, scenario) {
  const contents = [{ role: "user", parts: [{ text: question }] }];
  const elements = await (await post(`${url}/v1beta/models/${scenario}:streamGenerateContent`, { contents })).json();
  const text = elements.map((e) => e.candidates[0].content.parts.map((p) => p.text).join("")).join("");
  return { texts: [text], chunks: elements.length, field: elements[0].ai_disclosure ?? null };
}

async function tgi(url, scenario) {
  const r = await (await post(`${url}/${scenario}/generate`, { inputs: "Lighthouses?" })).json();
  return { texts: [r.generated_text], field: r.ai_disclosure ?? null };
}

async function tgiStream(url, scenario) {
  const { body } = await post(`${url}/${scenario}/generate_stream`, { inputs: "Lighthouses?" });
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream({ onError: "terminate" }));
  const joined = new Joined();
  let last, field = null;
  for await (const { data } of events) {
    const r = JSON.parse(data);
    joined.chunks++;
    field ??= r.ai_disclosure ?? null;
    if (!r.token.special) joined.add(0, r.token.text);
    last = r;
  }
  return { texts: [last.generated_text], deltas: joined.texts, chunks: joined.chunks, details: last.details, field };
}

export default {
  ...named("fetch/gemini-array", each(["short", "long"], "stream", array)),
  ...named("fetch/tgi", { ...each(["short", "long"], "json", tgi), ...each(["short", "long"], "stream", tgiStream) }),
};

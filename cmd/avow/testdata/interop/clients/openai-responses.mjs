// openai: Responses.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { Joined, covered, each, named, place, question, tower } from "./shared.mjs";

const client = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0 });
const extras = {
  json: { text: { format: { type: "json_object" } } },
  tools: { tools: [{ type: "function", name: "weather", parameters: place, strict: false }] },
  image: { tools: [{ type: "image_generation" }] },
  later: { model: "second", previous_response_id: "resp_short1" },
};
const request = (scenario) => ({ model: scenario, input: question, ...extras[scenario] });

const parts = (r) => r.output.flatMap((item) => (item.type === "message" ? item.content : []));
const calls = (r) => r.output.filter((item) => item.type === "function_call");

function seen(r) {
  const text = parts(r).filter((p) => p.type === "output_text");
  return {
    texts: [r.output_text],
    items: r.output.map((item) => [item.type, item.id]),
    refusals: parts(r).filter((p) => p.type === "refusal").map((p) => p.refusal),
    thinking: r.output.filter((item) => item.type === "reasoning"),
    tools: calls(r).map((c) => [c.call_id, c.name, JSON.parse(c.arguments)]),
    cited: text.flatMap((p) => p.annotations.map((a) => [covered(p.text, a.start_index, a.end_index), a.url])),
    images: r.output.filter((item) => item.type === "image_generation_call").map((item) => item.result),
    finish: [r.status, r.incomplete_details],
    usage: r.usage,
  };
}

async function json(url, scenario) {
  const r = await client(url).responses.create(request(scenario));
  return { ...seen(r), field: r.ai_disclosure ?? null };
}

// note follows one event: the text delta it carries, and every later event that
// repeats the text has to agree with what was joined.
function note(e, joined, echoes) {
  joined.chunks++;
  if (e.type === "response.output_text.delta") joined.add(0, e.delta);
  if (e.type === "response.output_text.done") echoes.push(e.text);
  if (e.type === "response.content_part.done" && e.part.type === "output_text") echoes.push(e.part.text);
  if (e.type === "response.output_item.done" && e.item.type === "message") echoes.push(...e.item.content.map((p) => p.text ?? null));
}

async function raw(url, scenario) {
  const joined = new Joined(), echoes = [], numbers = [];
  let final;
  for await (const e of await client(url).responses.create({ ...request(scenario), stream: true })) {
    note(e, joined, echoes);
    numbers.push(e.sequence_number);
    final = e.response ?? final;
  }
  final.output_text = parts(final).filter((p) => p.type === "output_text").map((p) => p.text).join("");
  return { ...seen(final), deltas: joined.texts, echoes, numbers };
}

async function managed(url, scenario) {
  const joined = new Joined(), echoes = [], partial = [], whole = [];
  const stream = client(url).responses.stream(request(scenario));
  for await (const e of stream) {
    note(e, joined, echoes);
    if (e.type === "response.image_generation_call.partial_image") partial.push(e.partial_image_b64);
    if (e.type === "response.output_item.done" && e.item.result) whole.push(e.item.result);
  }
  const got = seen(await stream.finalResponse());
  const repeated = got.images.join() === whole.join();
  return { ...got, images: [...partial, ...got.images], repeated, deltas: joined.texts, echoes, chunks: joined.chunks };
}

async function parse(url, scenario) {
  const r = await client(url).responses.parse({ model: scenario, input: question, text: { format: zodTextFormat(tower, "tower") } });
  return { texts: [r.output_text], parsed: r.output_parsed };
}

async function parseManaged(url, scenario) {
  const stream = client(url).responses.stream({ model: scenario, input: question, text: { format: zodTextFormat(tower, "tower") } });
  const r = await stream.finalResponse();
  return { texts: [r.output_text], parsed: r.output_parsed };
}

// history sends the first answer's own items back, as a client without
// server-side storage does.
async function history(url) {
  const opening = await client(url).responses.create(request("reasoning"));
  const input = [{ role: "user", content: question }, ...opening.output, { role: "user", content: "And in the fog?" }];
  return seen(await client(url).responses.create({ model: "second", input, store: false }));
}

export default named("openai/openai-responses", {
  ...each(["short", "long", "json", "tools", "refusal", "reasoning", "cited", "image", "later"], "json", json),
  ...each(["short", "long", "long-crlf", "tools", "cited", "incomplete"], "stream", raw),
  ...each(["short", "long", "json", "tools", "refusal", "reasoning", "cited", "image", "later"], "managed", managed),
  "json/parse": parse,
  "json/parse-managed": parseManaged,
  "later/history": history,
});

// @anthropic-ai/sdk: Messages.
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { Joined, ask, each, followUp, named, place, tower } from "./shared.mjs";

const client = (url) => new Anthropic({ baseURL: url, apiKey: "unused", maxRetries: 0 });
const tools = [{ name: "weather", input_schema: place }];
const extras = {
  json: { output_config: { format: { type: "json_schema", schema: place } } },
  tools: { tools },
  "text-tools": { tools },
  thinking: { thinking: { type: "enabled", budget_tokens: 1024 } },
};
const request = (scenario) => ({ model: scenario, max_tokens: 2048, messages: ask, ...extras[scenario] });

function seen(r) {
  const text = r.content.filter((b) => b.type === "text");
  return {
    texts: [text.map((b) => b.text).join("")],
    blocks: r.content.map((b) => b.type),
    thinking: r.content.filter((b) => b.type.endsWith("thinking")),
    tools: r.content.filter((b) => b.type === "tool_use").map((b) => [b.id, b.name, b.input]),
    cited: text.map((b) => b.citations ?? null),
    finish: [r.stop_reason],
    usage: r.usage,
  };
}

async function json(url, scenario) {
  const r = await client(url).messages.create(request(scenario));
  return { ...seen(r), field: r.ai_disclosure ?? null };
}

async function raw(url, scenario) {
  const joined = new Joined(), types = [];
  let field = null, finish;
  for await (const e of await client(url).messages.create({ ...request(scenario), stream: true })) {
    types.push(e.type);
    field ??= e.ai_disclosure ?? null;
    if (e.type === "content_block_delta") joined.add(0, e.delta.text);
    if (e.type === "message_delta") finish = e.delta.stop_reason;
  }
  return { texts: joined.texts, types, finish, field };
}

async function managed(url, scenario) {
  const joined = new Joined();
  const stream = client(url).messages.stream(request(scenario));
  stream.on("text", (delta) => joined.add(0, delta));
  stream.on("streamEvent", () => joined.chunks++);
  const r = await stream.finalMessage();
  return { ...seen(r), deltas: joined.texts, chunks: joined.chunks };
}

async function parse(url, scenario) {
  const r = await client(url).messages.parse({ ...request(scenario), output_config: { format: zodOutputFormat(tower) } });
  return { texts: [r.content[0].text], parsed: r.parsed_output };
}

async function parseManaged(url, scenario) {
  const r = await client(url).messages.stream({ ...request(scenario), output_config: { format: zodOutputFormat(tower) } }).finalMessage();
  return { texts: [r.content[0].text], parsed: r.parsed_output };
}

async function later(url, first, extra) {
  const opening = await client(url).messages.create({ ...request(first) });
  const messages = [...ask, { role: "assistant", content: opening.content }, ...extra(opening), followUp];
  return seen(await client(url).messages.create({ ...request(first), model: "second", messages }));
}

// loop lets the helper call the tool and ask again.
async function loop(url, stream) {
  const asked = [];
  const run = (input) => (asked.push(input), "fog");
  const weather = { name: "weather", input_schema: place, type: "custom", run, parse: (input) => input };
  const request = { model: "tools", max_tokens: 2048, messages: ask, tools: [weather], max_iterations: 3, stream };
  return { ...seen(await client(url).beta.messages.toolRunner(request)), asked };
}

const result = (r) => [{ role: "user", content: [{ type: "tool_result", tool_use_id: r.content.at(-1).id, content: "fog" }] }];

export default named("anthropic/anthropic", {
  ...each(["short", "long", "json", "tools", "text-tools", "thinking", "cited", "refusal"], "json", json),
  ...each(["short", "long", "long-crlf", "thinking", "refusal"], "stream", raw),
  ...each(["short", "long", "json", "tools", "text-tools", "thinking", "cited", "refusal"], "managed", managed),
  "json/parse": parse,
  "json/parse-managed": parseManaged,
  "later/json": (url) => later(url, "short", () => []),
  "later/long": (url) => later(url, "long", () => []),
  "later/thinking": (url) => later(url, "thinking", () => []),
  "tool-result/json": (url) => later(url, "text-tools", result),
  "tool-loop/runner": (url) => loop(url, false),
  "tool-loop/runner-stream": (url) => loop(url, true),
});

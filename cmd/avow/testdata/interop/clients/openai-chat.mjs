// openai: Chat Completions and legacy Completions.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { Joined, ask, covered, each, followUp, german, named, place, tower } from "./shared.mjs";

const client = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0 });
const tools = [{ type: "function", function: { name: "weather", parameters: place } }];
const extras = {
  json: { response_format: { type: "json_object" } },
  tools: { tools },
  two: { n: 2 },
  logprobs: { logprobs: true },
  usage: { stream_options: { include_usage: true } },
};
const models = { german: "short", usage: "short", later: "second" };
const request = (scenario) => ({ model: models[scenario] ?? scenario, messages: ask, ...extras[scenario] });

function seen(r) {
  const messages = r.choices.map((c) => c.message);
  return {
    texts: messages.map((m) => m.content),
    finish: r.choices.map((c) => c.finish_reason),
    refusals: messages.map((m) => m.refusal ?? null),
    thinking: messages.map((m) => m.reasoning_content ?? null),
    tools: messages.flatMap((m) => m.tool_calls ?? []).map((c) => [c.id, c.function.name, JSON.parse(c.function.arguments)]),
    cited: messages.flatMap((m) => m.annotations ?? []).map((a) => a.url_citation)
      .map((u) => [covered(messages[0].content, u.start_index, u.end_index), u.url]),
    tokens: r.choices.map((c) => c.logprobs?.content?.map((t) => t.token).join("") ?? null),
    images: messages.flatMap((m) => m.images ?? []).map((i) => i.image_url.url.split(",")[1]),
    usage: r.usage ?? null,
    model: r.model,
  };
}

async function json(url, scenario) {
  const r = await client(url).chat.completions.create(request(scenario), { headers: scenario === "german" ? german : {} });
  return { ...seen(r), field: r.ai_disclosure ?? null };
}

async function raw(url, scenario) {
  const stream = await client(url).chat.completions.create({ ...request(scenario), stream: true });
  const joined = new Joined(), finish = [];
  let thinking = "", refusal = "", usage = null, field = null, order = "";
  for await (const c of stream) {
    joined.chunks++;
    field ??= c.ai_disclosure ?? null;
    usage ??= c.usage ?? null;
    for (const { index, delta, finish_reason } of c.choices) {
      joined.add(index, delta.content);
      thinking += delta.reasoning_content ?? "";
      refusal += delta.refusal ?? "";
      finish[index] = finish_reason ?? finish[index];
      order += index;
    }
  }
  return { texts: joined.texts, chunks: joined.chunks, thinking, refusal, finish, usage, order, field };
}

async function managed(url, scenario) {
  const joined = new Joined();
  const stream = client(url).chat.completions.stream(request(scenario));
  stream.on("chunk", (c) => {
    joined.chunks++;
    for (const { index, delta } of c.choices) joined.add(index, delta.content);
  });
  const r = await stream.finalChatCompletion();
  return { ...seen(r), deltas: joined.texts, chunks: joined.chunks };
}

async function parse(url, scenario) {
  const response_format = zodResponseFormat(tower, "tower");
  const r = await client(url).chat.completions.parse({ ...request(scenario), response_format });
  return { texts: r.choices.map((c) => c.message.content), parsed: r.choices[0].message.parsed };
}

async function parseManaged(url, scenario) {
  const response_format = zodResponseFormat(tower, "tower");
  const r = await client(url).chat.completions.stream({ ...request(scenario), response_format }).finalChatCompletion();
  return { texts: r.choices.map((c) => c.message.content), parsed: r.choices[0].message.parsed };
}

// later keeps the first answer, as a chat does, and asks again.
async function later(url, first, second) {
  const opening = await client(url).chat.completions.create({ model: first, messages: ask });
  const messages = [...ask, opening.choices[0].message, followUp];
  return seen(await second(client(url).chat.completions, { model: "second", messages }));
}

// loop lets the helper call the tool and ask again.
async function loop(url, stream) {
  const asked = [], joined = new Joined();
  const run = (input) => (asked.push(input), "fog");
  const weather = { type: "function", function: { name: "weather", parameters: place, parse: JSON.parse, function: run } };
  const runner = client(url).chat.completions.runTools({ model: "tools", messages: ask, tools: [weather], stream });
  runner.on("content", (delta) => joined.add(0, delta));
  const text = await runner.finalContent();
  return { texts: [text], deltas: joined.texts, asked, roles: runner.messages.map((m) => m.role) };
}

async function legacy(url, scenario) {
  const r = await client(url).completions.create({ model: scenario, prompt: "Lighthouses?" });
  return { texts: r.choices.map((c) => c.text), usage: r.usage, field: r.ai_disclosure ?? null };
}

async function legacyRaw(url, scenario) {
  const joined = new Joined();
  for await (const c of await client(url).completions.create({ model: scenario, prompt: "Lighthouses?", stream: true })) {
    joined.chunks++;
    joined.add(c.choices[0].index, c.choices[0].text);
  }
  return { texts: joined.texts, chunks: joined.chunks };
}

export default {
  ...named("openai/openai-chat", {
    ...each(["short", "german", "long", "escaped", "two", "json", "tools", "refusal", "reasoning", "logprobs", "cited", "images"], "json", json),
    ...each(["short", "long", "long-crlf", "two", "json", "refusal", "reasoning", "azure", "usage"], "stream", raw),
    ...each(["short", "long", "two", "json", "tools", "refusal", "reasoning", "azure", "usage"], "managed", managed),
    "json/parse": parse,
    "json/parse-managed": parseManaged,
    "tool-loop/runner": (url) => loop(url, false),
    "tool-loop/runner-stream": (url) => loop(url, true),
    "later/json": (url) => later(url, "short", (api, req) => api.create(req)),
    "later/managed": (url) => later(url, "long", (api, req) => api.stream(req).finalChatCompletion()),
  }),
  ...named("openai/openai-legacy", { ...each(["short", "long"], "json", legacy), ...each(["long"], "stream", legacyRaw) }),
};

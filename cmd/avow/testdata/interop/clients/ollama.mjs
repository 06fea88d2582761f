// ollama: chat and generate.
import { Ollama } from "ollama";
import { Joined, ask, each, followUp, named, place } from "./shared.mjs";

const client = (url) => new Ollama({ host: url });
const tools = [{ type: "function", function: { name: "weather", parameters: place } }];
const extras = { json: { format: "json" }, tools: { tools }, thinking: { think: true } };

// measures are numbers in nanoseconds; they have to arrive digit by digit.
const measures = (r) => [r.total_duration, r.load_duration, r.prompt_eval_count, r.eval_count, r.eval_duration].map(String);

const chatRequest = (scenario) => ({ model: scenario, messages: ask, ...extras[scenario] });
const calls = (m) => (m.tool_calls ?? []).map((c) => [c.function.name, c.function.arguments]);

async function chat(url, scenario) {
  const r = await client(url).chat(chatRequest(scenario));
  return { texts: [r.message.content], thinking: r.message.thinking ?? null, tools: calls(r.message), usage: measures(r), finish: r.done_reason, field: r.ai_disclosure ?? null };
}

async function chatStream(url, scenario) {
  const joined = new Joined(), tools = [];
  let thinking = "", field = null, last;
  for await (const r of await client(url).chat({ ...chatRequest(scenario), stream: true })) {
    joined.chunks++;
    joined.add(0, r.message.content);
    thinking += r.message.thinking ?? "";
    tools.push(...calls(r.message));
    field ??= r.ai_disclosure ?? null;
    last = r;
  }
  return { texts: joined.texts, chunks: joined.chunks, thinking, tools, usage: measures(last), finish: last.done_reason, field };
}

async function later(url, scenario, first) {
  const opening = await client(url).chat({ model: first, messages: ask });
  const r = await client(url).chat({ model: "second", messages: [...ask, opening.message, followUp] });
  return { texts: [r.message.content] };
}

const generateRequest = (scenario) => ({ model: scenario, prompt: "Lighthouses?", ...extras[scenario] });

async function generate(url, scenario) {
  const r = await client(url).generate(generateRequest(scenario));
  return { texts: [r.response], thinking: r.thinking ?? null, context: r.context, usage: measures(r), field: r.ai_disclosure ?? null };
}

async function generateStream(url, scenario) {
  const joined = new Joined();
  let thinking = "", last;
  for await (const r of await client(url).generate({ ...generateRequest(scenario), stream: true })) {
    joined.chunks++;
    joined.add(0, r.response);
    thinking += r.thinking ?? "";
    last = r;
  }
  return { texts: joined.texts, chunks: joined.chunks, thinking, context: last.context, usage: measures(last), finish: last.done_reason };
}

async function generateLater(url) {
  const { context } = await client(url).generate(generateRequest("short"));
  const r = await client(url).generate({ ...generateRequest("second"), context });
  return { texts: [r.response] };
}

export default {
  ...named("ollama/ollama-chat", {
    ...each(["short", "long", "json", "tools", "thinking"], "json", chat),
    ...each(["short", "long", "json", "tools", "thinking"], "stream", chatStream),
    "later/json": (url, s) => later(url, s, "short"),
    "later/long": (url, s) => later(url, s, "long"),
  }),
  ...named("ollama/ollama-generate", {
    ...each(["short", "long", "json", "thinking"], "json", generate),
    ...each(["short", "long", "json", "thinking"], "stream", generateStream),
    "later/json": generateLater,
  }),
};

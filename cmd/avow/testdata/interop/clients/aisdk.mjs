// The AI SDK with its OpenAI (Chat and Responses), Anthropic, Google and
// OpenAI-compatible providers. It validates every chunk against a schema.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { each, followUp, ask, named, place, question, tower } from "./shared.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const key = { apiKey: "unused" };
const providers = {
  "aisdk-openai/openai-chat": (url) => createOpenAI({ baseURL: `${url}/v1`, ...key }).chat,
  "aisdk-openai/openai-responses": (url) => createOpenAI({ baseURL: `${url}/v1`, ...key }).responses,
  "aisdk-anthropic/anthropic": (url) => createAnthropic({ baseURL: `${url}/v1`, ...key }),
  "aisdk-google/gemini": (url) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, ...key }),
  "aisdk-compatible/openai-chat": (url) => createOpenAICompatible({
    name: "compatible", baseURL: `${url}/v1`, includeUsage: true, supportsStructuredOutputs: true, ...key,
  }),
};

const weather = tool({ inputSchema: jsonSchema(place) });
const extras = {
  json: { output: Output.object({ schema: tower }), providerOptions: { anthropic: { structuredOutputMode: "outputFormat" } } },
  tools: { tools: { weather } },
  "text-tools": { tools: { weather } },
  "tool-loop": {
    tools: { weather: tool({ inputSchema: jsonSchema(place), execute: async () => "fog" }) },
    stopWhen: stepCountIs(3),
    providerOptions: { openai: { store: false } }, // else the history is a list of ids
  },
};
const models = { "tool-loop": "tools" };
const request = (model, scenario) => ({ model: model(models[scenario] ?? scenario), prompt: question, maxRetries: 0, ...extras[scenario] });

// isPicture: the result of a tool of the provider's that draws.
const isPicture = (p) => p.type === "tool-result" && p.output?.result?.length > 200;

// seen reports a result whose members are values; sources and raw usage are
// what the provider made of the answer's other members.
function seen(r) {
  return {
    texts: [r.text],
    thinking: r.reasoningText ?? null,
    tools: r.toolCalls.map((c) => [c.toolCallId.length, c.toolName, c.input]),
    sources: r.sources.map((s) => s.url ?? s.title ?? null),
    images: [...r.files.map((f) => f.base64), ...r.content.filter(isPicture).map((p) => p.output.result)],
    finish: r.finishReason,
    usage: [r.usage.inputTokens ?? null, r.usage.outputTokens ?? null],
    parts: r.content.map((p) => p.type),
  };
}

async function generate(model, scenario) {
  const r = await generateText(request(model, scenario));
  return { ...seen(r), steps: await steps(r), ...(scenario === "json" && { parsed: r.output }) };
}

const steps = async (r) => (await r.steps).map((s) => [s.text.length > 0, s.toolCalls.length, s.toolResults.map((t) => isPicture(t) ? "a picture" : t.output)]);

const members = ["text", "reasoningText", "toolCalls", "sources", "files", "finishReason", "usage", "content"];

async function stream(model, scenario) {
  let failure;
  const r = streamText({ ...request(model, scenario), onError: ({ error }) => (failure ??= error) });
  let deltas = "", types = [];
  for await (const p of r.fullStream) {
    if (p.type === "text-delta") deltas += p.text;
    if (types.at(-1) !== p.type) types.push(p.type);
  }
  if (failure) throw failure;
  const whole = Object.fromEntries(await Promise.all(members.map(async (m) => [m, await r[m]])));
  return { ...seen(whole), deltas: [deltas], types, steps: await steps(r), ...(scenario === "json" && { parsed: await r.output }) };
}

// later sends the SDK's own record of the first turn back.
async function later(model, first) {
  const opening = await generateText({ ...request(model, first), prompt: undefined, messages: ask });
  const messages = [...ask, ...opening.response.messages, followUp];
  return seen(await generateText({ model: model("second"), messages, maxRetries: 0 }));
}

const scenarios = {
  "aisdk-openai/openai-chat": [["short", "long", "json", "tools", "cited"], ["short", "long", "long-crlf", "json", "tools", "azure"]],
  "aisdk-openai/openai-responses": [
    ["short", "long", "json", "tools", "reasoning", "cited", "image"],
    ["short", "long", "long-crlf", "json", "tools", "reasoning", "cited", "image", "incomplete"],
  ],
  "aisdk-anthropic/anthropic": [
    ["short", "long", "json", "tools", "text-tools", "thinking", "cited", "refusal"],
    ["short", "long", "long-crlf", "json", "tools", "text-tools", "thinking", "cited", "refusal"],
  ],
  "aisdk-google/gemini": [
    ["short", "long", "json", "tools", "thinking", "cited", "image"],
    ["short", "long", "long-crlf", "json", "tools", "thinking", "image"],
  ],
  "aisdk-compatible/openai-chat": [["short", "long", "json", "tools", "reasoning"], ["short", "long", "long-crlf", "json", "tools", "reasoning", "azure"]],
};

export default Object.fromEntries(Object.entries(providers).flatMap(([prefix, provider]) => Object.entries(named(prefix, {
  ...each(scenarios[prefix][0], "generate", (url, s) => generate(provider(url), s)),
  ...each(scenarios[prefix][1], "stream", (url, s) => stream(provider(url), s)),
  "tool-loop/generate": (url) => generate(provider(url), "tool-loop"),
  "tool-loop/stream": (url) => stream(provider(url), "tool-loop"),
  "later/generate": (url) => later(provider(url), "short"),
  "later/long": (url) => later(provider(url), "long"),
}))));

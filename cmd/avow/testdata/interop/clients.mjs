// Runs the official clients against a base URL and prints what they saw, one
// JSON object per case. The Go test compares it with the recorded upstream.
import OpenAI from "openai";
import { Ollama } from "ollama";

const base = process.argv[2];
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "unused", maxRetries: 0 });
const ollama = new Ollama({ host: base });
const ask = [{ role: "user", content: "Tell me about lighthouses." }];
const headers = { "Accept-Language": "de-AT,de;q=0.9,en;q=0.5" };

const cases = {
  async "openai/chat/json"() {
    const r = await openai.chat.completions.create({ model: "m", messages: ask });
    return { text: r.choices[0].message.content, finish: r.choices[0].finish_reason, field: r.ai_disclosure, usage: r.usage };
  },
  async "openai/chat/json/german"() {
    const r = await openai.chat.completions.create({ model: "m", messages: ask }, { headers });
    return { text: r.choices[0].message.content, field: r.ai_disclosure };
  },
  async "openai/chat/json/choices"() {
    const r = await openai.chat.completions.create({ model: "two", n: 2, messages: ask });
    return { texts: r.choices.map((c) => c.message.content) };
  },
  async "openai/chat/stream/raw"() {
    const stream = await openai.chat.completions.create({ model: "m", messages: ask, stream: true });
    let text = "", chunks = 0, field;
    for await (const c of stream) {
      chunks++;
      field ??= c.ai_disclosure;
      text += c.choices[0]?.delta?.content ?? "";
    }
    return { text, chunks, field };
  },
  async "openai/chat/stream/managed"() {
    const r = await openai.chat.completions.stream({ model: "m", messages: ask }).finalChatCompletion();
    return { text: r.choices[0].message.content, finish: r.choices[0].finish_reason };
  },
  async "openai/chat/round-trip"() {
    const first = await openai.chat.completions.create({ model: "m", messages: ask });
    const messages = [...ask, first.choices[0].message, { role: "user", content: "And in the fog?" }];
    const second = await openai.chat.completions.create({ model: "m", messages });
    return { text: second.choices[0].message.content };
  },
  async "openai/chat/json-mode"() {
    const r = await openai.chat.completions.create({ model: "json", messages: ask, response_format: { type: "json_object" } });
    return { parsed: JSON.parse(r.choices[0].message.content), field: r.ai_disclosure };
  },
  async "openai/chat/tools"() {
    const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
    const r = await openai.chat.completions.create({ model: "tools", messages: ask, tools });
    const call = r.choices[0].message.tool_calls[0].function;
    return { content: r.choices[0].message.content, name: call.name, arguments: JSON.parse(call.arguments) };
  },
  async "openai/chat/tools/managed"() {
    const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
    const r = await openai.chat.completions.stream({ model: "tools", messages: ask, tools }).finalChatCompletion();
    const call = r.choices[0].message.tool_calls[0].function;
    return { content: r.choices[0].message.content, name: call.name, arguments: JSON.parse(call.arguments) };
  },
  async "openai/images"() {
    const { data: r, response } = await openai.images.generate({ model: "m", prompt: "a lighthouse", response_format: "b64_json" }).withResponse();
    return { png: r.data[0].b64_json, id: response.headers.get("avow-id"), field: r.ai_disclosure };
  },
  async "openai/images/url"() {
    try {
      await openai.images.generate({ model: "m", prompt: "a lighthouse", response_format: "url" });
      return { status: 200 };
    } catch (e) {
      return { status: e.status, message: e.message };
    }
  },
  async "ollama/chat/json"() {
    const r = await ollama.chat({ model: "m", messages: ask });
    return { text: r.message.content, done: r.done, total: String(r.total_duration), field: r.ai_disclosure };
  },
  async "ollama/chat/stream"() {
    let text = "", last;
    for await (const part of await ollama.chat({ model: "m", messages: ask, stream: true })) {
      text += part.message.content;
      last = part;
    }
    return { text, done: last.done };
  },
  async "ollama/generate/json"() {
    const r = await ollama.generate({ model: "m", prompt: "Lighthouses?" });
    return { text: r.response, context: r.context };
  },
  async "ollama/generate/stream"() {
    let text = "", last;
    for await (const part of await ollama.generate({ model: "m", prompt: "Lighthouses?", stream: true })) {
      text += part.response;
      last = part;
    }
    return { text, done: last.done };
  },
};

for (const [name, run] of Object.entries(cases)) {
  let out;
  try {
    out = await run();
  } catch (e) {
    out = { error: String(e) };
  }
  console.log(JSON.stringify({ case: name, ...out }));
}

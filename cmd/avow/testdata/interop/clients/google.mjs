// @google/genai: generateContent, its stream, chats, and Imagen.
import { GoogleGenAI } from "@google/genai";
import { Joined, coveredBytes, each, named, place, question } from "./shared.mjs";

const client = (url) => new GoogleGenAI({ apiKey: "unused", httpOptions: { baseUrl: url } });
const extras = {
  json: { responseMimeType: "application/json" },
  tools: { tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: place }] }] },
  two: { candidateCount: 2 },
  thinking: { thinkingConfig: { includeThoughts: true } },
  image: { responseModalities: ["TEXT", "IMAGE"] },
};
const request = (scenario) => ({ model: scenario, contents: question, config: extras[scenario] });

const parts = (r) => r.candidates?.[0]?.content?.parts ?? [];
const plain = (ps) => ps.filter((p) => !p.thought).map((p) => p.text ?? "").join("");

function seen(r) {
  const candidates = r.candidates ?? [];
  return {
    texts: candidates.map((c) => plain(c.content.parts)),
    parts: candidates.map((c) => c.content.parts.map((p) => Object.keys(p).sort().join("+"))),
    thinking: parts(r).filter((p) => p.thought).map((p) => p.text),
    signatures: parts(r).map((p) => p.thoughtSignature ?? null),
    tools: (r.functionCalls ?? []).map((c) => [c.name, c.args]),
    cited: candidates.flatMap((c) => c.groundingMetadata?.groundingSupports ?? [])
      .map(({ segment: s }) => [coveredBytes(plain(parts(r)), s.startIndex, s.endIndex), s.text]),
    images: parts(r).filter((p) => p.inlineData).map((p) => p.inlineData.data),
    finish: candidates.map((c) => c.finishReason ?? null),
    blocked: r.promptFeedback?.blockReason ?? null,
    usage: r.usageMetadata,
  };
}

async function json(url, scenario) {
  return seen(await client(url).models.generateContent(request(scenario)));
}

// drain reads a stream of the SDK to its end.
async function drain(stream) {
  const joined = new Joined(), tools = [], images = [], thinking = [], signatures = [];
  let finish, usage, blocked;
  for await (const r of stream) {
    joined.chunks++;
    joined.add(0, plain(parts(r)));
    const s = seen(r);
    tools.push(...s.tools);
    images.push(...s.images);
    thinking.push(...s.thinking);
    signatures.push(...s.signatures);
    [finish, usage, blocked] = [s.finish, s.usage, s.blocked];
  }
  return { texts: joined.texts, chunks: joined.chunks, tools, images, thinking, signatures, finish, usage, blocked };
}

async function stream(url, scenario) {
  return drain(await client(url).models.generateContentStream(request(scenario)));
}

// chat compares what the helper keeps as history with what it streamed.
async function chat(url, scenario) {
  const talk = client(url).chats.create({ model: scenario });
  const got = await drain(await talk.sendMessageStream({ message: question }));
  const kept = talk.getHistory().filter((c) => c.role === "model").flatMap((c) => c.parts);
  return { ...got, deltas: got.texts, texts: [plain(kept)] };
}

async function later(url, way) {
  const talk = client(url).chats.create({ model: "long" });
  await (way === "json" ? talk.sendMessage({ message: question }) : drain(await talk.sendMessageStream({ message: question })));
  const second = client(url).chats.create({ model: "second", history: talk.getHistory() });
  return seen(await second.sendMessage({ message: "And in the fog?" }));
}

async function imagen(url, scenario) {
  const cloud = new GoogleGenAI({ vertexai: true, apiKey: "unused", httpOptions: { baseUrl: url } }); // Imagen's only home
  const r = await cloud.models.generateImages({ model: scenario, prompt: "a lighthouse" });
  return { images: r.generatedImages.map((i) => i.image.imageBytes), types: r.generatedImages.map((i) => i.image.mimeType) };
}

export default {
  ...named("google/gemini", {
    ...each(["short", "long", "json", "tools", "two", "thinking", "cited", "image", "blocked"], "json", json),
    ...each(["short", "long", "long-crlf", "json", "tools", "thinking", "image", "blocked"], "stream", stream),
    ...each(["short", "long"], "chat", chat),
    "later/json": (url) => later(url, "json"),
    "later/stream": (url) => later(url, "stream"),
  }),
  ...named("google/imagen", { "predict/json": imagen }),
};

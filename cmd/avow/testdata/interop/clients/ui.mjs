// The AI SDK's own stream between a server and a page: chat transport and the
// reader that accumulates messages.
import { DefaultChatTransport, readUIMessageStream } from "ai";
import { each, named, question } from "./shared.mjs";

async function transport(url, scenario) {
  const chat = new DefaultChatTransport({ api: `${url}/ui/api/chat`, body: { model: scenario } });
  const messages = [{ id: "q", role: "user", parts: [{ type: "text", text: question }] }];
  const [chunks, copy] = (await chat.sendMessages({ chatId: "c", trigger: "submit-message", messages })).tee();
  let message;
  const reading = (async () => {
    for await (const m of readUIMessageStream({ stream: copy, terminateOnError: true })) message = m;
  })();
  let deltas = "", types = [];
  for await (const c of chunks) {
    if (c.type === "text-delta") deltas += c.delta;
    if (types.at(-1) !== c.type) types.push(c.type);
  }
  await reading;
  const of = (type) => message.parts.filter((p) => p.type === type);
  return {
    texts: [of("text").map((p) => p.text).join("")],
    deltas: [deltas],
    types,
    parts: message.parts.map((p) => p.type),
    thinking: of("reasoning").map((p) => p.text),
    tools: of("tool-weather").map((p) => p.input),
    data: of("data-tide").map((p) => p.data),
    images: of("file").map((p) => p.url.split(",")[1]),
    trace: message.metadata?.trace ?? null,
  };
}

export default named("aisdk-ui/ui", each(["short", "long", "parts", "file"], "transport", transport));

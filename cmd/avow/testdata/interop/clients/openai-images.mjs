// openai: Images, whole and streamed.
import OpenAI from "openai";
import { each, named } from "./shared.mjs";

const client = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0 });
const request = (scenario) => ({ model: scenario, prompt: "a lighthouse" });

async function json(url, scenario) {
  const { data: r, response } = await client(url).images.generate(request(scenario)).withResponse();
  return {
    images: r.data.map((d) => d.b64_json),
    prompts: r.data.map((d) => d.revised_prompt ?? null),
    usage: r.usage ?? null,
    ids: response.headers.get("avow-id"),
    field: r.ai_disclosure ?? null,
  };
}

async function stream(url, scenario) {
  const images = [], types = [];
  let usage;
  for await (const e of await client(url).images.generate({ ...request(scenario), stream: true, partial_images: 2 })) {
    types.push(e.type);
    images.push(e.b64_json);
    usage = e.usage ?? null;
  }
  return { images, types, usage };
}

// byURL asks for what avow has to refuse under its strict profile.
async function byURL(url, scenario) {
  try {
    const r = await client(url).images.generate({ ...request(scenario), response_format: "url" });
    return { status: 200, urls: r.data.map((d) => d.url) };
  } catch (e) {
    return { status: e.status, message: e.message };
  }
}

export default {
  ...named("openai/openai-images", { ...each(["b64", "several"], "json", json), "url/json": byURL }),
  ...named("openai/openai-images-stream", { "b64/stream": stream }),
};

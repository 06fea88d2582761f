// @huggingface/inference against the native routes of text-generation-inference.
import { InferenceClient } from "@huggingface/inference";
import { Joined, each, named } from "./shared.mjs";

const client = (url) => new InferenceClient("unused", { endpointUrl: url, retry_on_error: false });

async function json(url, scenario) {
  const r = await client(`${url}/${scenario}/generate`).textGeneration({ inputs: "Lighthouses?" });
  return { texts: [r.generated_text] };
}

async function stream(url, scenario) {
  const joined = new Joined();
  let last;
  for await (const r of client(`${url}/${scenario}/generate_stream`).textGenerationStream({ inputs: "Lighthouses?" })) {
    joined.chunks++;
    if (!r.token.special) joined.add(0, r.token.text);
    last = r;
  }
  return { texts: [last.generated_text], deltas: joined.texts, chunks: joined.chunks, details: last.details };
}

export default named("huggingface/tgi", { ...each(["short", "long"], "json", json), ...each(["short", "long"], "stream", stream) });

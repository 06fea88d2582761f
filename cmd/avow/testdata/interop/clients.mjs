// Runs the official clients against a base URL and prints what each of them
// saw, one JSON document a line. The Go test runs it twice, against the
// recorded upstream and against avow in front of it, and compares.
//
// Usage: node clients.mjs BASE-URL [PATTERN]
//
// A case is named client/shape/scenario/way. Its name is part of the URL it
// asks, so that the upstream can tell the cases apart. PATTERN picks cases.
import aisdk from "./clients/aisdk.mjs";
import anthropic from "./clients/anthropic.mjs";
import bare from "./clients/fetch.mjs";
import google from "./clients/google.mjs";
import ollama from "./clients/ollama.mjs";
import chat from "./clients/openai-chat.mjs";
import images from "./clients/openai-images.mjs";
import responses from "./clients/openai-responses.mjs";
import ui from "./clients/ui.mjs";

const [base, pattern = ""] = process.argv.slice(2);
const cases = { ...chat, ...responses, ...images, ...anthropic, ...google, ...ollama, ...aisdk, ...ui, ...bare };

for (const [name, run] of Object.entries(cases)) {
  if (!name.match(pattern)) continue;
  let seen;
  try {
    seen = await run(`${base}/case/${name.replaceAll("/", "~")}`, name.split("/")[2]);
  } catch (e) {
    seen = { error: `${e.name}: ${e.message}`, status: e.status ?? e.statusCode ?? null };
  }
  console.log(JSON.stringify({ case: name, ...seen }));
}

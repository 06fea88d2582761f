// What the clients ask, and how they report what they saw.
import { z } from "zod";

export const question = "Tell me about lighthouses.";
export const ask = [{ role: "user", content: question }];
export const followUp = { role: "user", content: "And in the fog?" };
export const german = { "Accept-Language": "de-AT,de;q=0.9,en;q=0.5" };
export const tower = z.object({ towers: z.number(), name: z.string() });
export const place = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };

// Joined collects the text deltas of each choice; a choice without any is null.
export class Joined {
  texts = [];
  chunks = 0;
  add(choice, delta) {
    this.texts[choice] ??= null;
    if (delta) this.texts[choice] = (this.texts[choice] ?? "") + delta;
  }
}

// covered returns what offsets in code points cover, as OpenAI counts them.
export const covered = (text, start, end) => [...text].slice(start, end).join("");

// coveredBytes is the same for offsets in bytes of UTF-8, as Gemini counts them.
export const coveredBytes = (text, start, end) => Buffer.from(text).subarray(start, end).toString();

// named makes cases of one client and shape: {"scenario/way": run}.
export const named = (prefix, runs) => Object.fromEntries(Object.entries(runs).map(([k, run]) => [`${prefix}/${k}`, run]));

// each names one run for several scenarios.
export const each = (scenarios, way, run) => Object.fromEntries(scenarios.map((s) => [`${s}/${way}`, run]));

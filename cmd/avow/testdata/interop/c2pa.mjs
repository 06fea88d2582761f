// Judges Content Credentials with the official validator: c2pa-rs, compiled to
// WebAssembly in @contentauth/c2pa-wasm. It touches no network.
//
//   node c2pa.mjs ANCHORS.pem|- FILE...
//
// ANCHORS are roots of signers and time stamp authorities; - means none. Prints
// a JSON array with one verdict per file, in order.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import init, { WasmReader } from '@contentauth/c2pa-wasm';

const wasm = createRequire(import.meta.url).resolve('@contentauth/c2pa-wasm/c2pa.wasm');
await init({ module_or_path: readFileSync(wasm) });

const types = {
  '.png': 'image/png', '.jpg': 'image/jpeg', '.webp': 'image/webp', '.wav': 'audio/wav',
  '.mp3': 'audio/mpeg', '.mp4': 'video/mp4', '.m4a': 'audio/mp4', '.avif': 'image/avif', '.gif': 'image/gif', '.avi': 'video/avi',
};

// Without this list the build accepts emailProtection, timeStamping and OCSP
// alone.
const usages = ['1.3.6.1.4.1.62558.2.1', '1.3.6.1.5.5.7.3.4', '1.3.6.1.5.5.7.3.36', '1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.9'];

const [anchors, ...files] = process.argv.slice(2);
const trust = { trust_config: usages.join('\n') };
if (anchors !== '-') trust.user_anchors = readFileSync(anchors, 'utf8');
const settings = JSON.stringify({ verify: { verify_trust: true, remote_manifest_fetch: false, ocsp_fetch: false }, trust });

const codes = (list) => (list ?? []).map((s) => s.code);

async function judge(file) {
  const verdict = { file, state: '', error: '', success: [], informational: [], failure: [], deltas: [], manifests: 0 };
  try {
    const reader = await WasmReader.fromBytes(types[extname(file)], new Uint8Array(readFileSync(file)), settings);
    const store = JSON.parse(reader.json());
    const active = store.validation_results?.activeManifest;
    verdict.state = store.validation_state;
    verdict.success = codes(active?.success);
    verdict.informational = codes(active?.informational);
    verdict.failure = codes(active?.failure);
    verdict.deltas = (store.validation_results?.ingredientDeltas ?? []).flatMap((d) => codes(d.validationDeltas?.failure));
    verdict.manifests = Object.keys(store.manifests).length;
    verdict.assertions = (store.manifests[store.active_manifest]?.assertions ?? []).map((a) => a.label);
    reader.free();
  } catch (e) {
    verdict.error = String(e?.message ?? e);
  }
  return verdict;
}

const verdicts = [];
for (const file of files) verdicts.push(await judge(file));
console.log(JSON.stringify(verdicts));

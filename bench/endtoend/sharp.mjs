// Prints, as JSON, the best time that sharp takes to decode and encode each file.
import { readFileSync } from 'node:fs';
import sharp from 'sharp';

sharp.concurrency(1);
sharp.cache(false);
const [rounds, ...files] = process.argv.slice(2);
const all = {};
for (const file of files) {
  const data = readFileSync(file);
  let best = Infinity;
  let bytes = 0;
  for (let i = 0; i < Number(rounds); i++) {
    const start = performance.now();
    const out = await sharp(data).png().toBuffer();
    best = Math.min(best, performance.now() - start);
    bytes = out.length;
  }
  all[file] = { ms: best, bytes };
}
process.stdout.write(JSON.stringify(all));

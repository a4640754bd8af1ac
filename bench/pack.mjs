// Packs what an upper changes as a program of its own, for bench/oci-pack.mjs: pack.mjs FILE UPPER LOWER…
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { openStack } from '../dist/layer/index.js';
import { packLayer } from '../dist/oci/index.js';

const [file, upper, ...lower] = process.argv.slice(2);
const start = process.hrtime.bigint();
const stack = await openStack({ upper, lower });
const layer = packLayer(stack);
await pipeline(layer, createWriteStream(file));
await layer.result;
await stack.close();
console.log(Number(process.hrtime.bigint() - start) / 1e9);

// Unpacks an image as a program of its own, for bench/oci.mjs: unpack.mjs IMAGE DIRECTORY overlay|plain [sync]
import { openImage, unpackImage } from '../dist/oci/index.js';

const [path, directory, format, sync] = process.argv.slice(2);
const image = await openImage(path);
await unpackImage(image, directory, { format, sync: sync === 'sync' });
await image.close();

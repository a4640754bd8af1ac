// What is tested: a shop that keeps everything in a directory.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export async function order(directory, item, count) {
  const path = join(directory, 'shop.json');
  const shop = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(join(directory, 'orders', `${shop.next}.json`), JSON.stringify({ item, count }));
  await writeFile(path, JSON.stringify({ ...shop, next: shop.next + 1 }));
}

export async function cancel(directory, number) {
  await rm(join(directory, 'orders', `${number}.json`));
}

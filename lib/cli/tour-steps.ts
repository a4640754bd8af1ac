// The steps of the tour: each does something to real overlays and tells what is there afterwards.
import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { formatOptions, list, type MountSpec } from '../index.ts';
import type { TourPlace } from './tour-place.ts';
import { kindOf, type Listing, look, lookFor } from './tour-view.ts';

export interface Step {
  readonly title: string;
  readonly sentence: string;
  /** What one would type in a shell. */
  readonly shell: readonly string[];
  /** What the tour did itself, in a program's words. */
  readonly call: readonly string[];
  /** Directories afterwards. */
  readonly directories?: Readonly<Record<string, Listing>>;
  /** Single files afterwards. */
  readonly files?: Listing;
  /** What else came of it. */
  readonly facts?: readonly string[];
}

/** `userxattr` where the tour has no privilege: the overlay's notes go where an ordinary user may write them. */
export interface TourOptions {
  readonly userxattr: boolean;
}

const LAYERS = Array.from({ length: 25 }, (_, i) => `layers/${String(i + 1).padStart(2, '0')}`);
const BOTH = 'in_both.txt';

/** As a program would write it. */
function call(spec: MountSpec): string {
  return `await mount(${inspect(spec, { breakLength: Number.POSITIVE_INFINITY, depth: 5 })})`;
}

function mountLine(spec: MountSpec): string {
  return `mount -t overlay overlay -o ${formatOptions(spec)} ${spec.target}`;
}

async function twoDirectories(): Promise<Step> {
  for (const name of ['lower', 'upper', 'work', 'merged']) await mkdir(name);
  for (const name of ['lower', 'upper']) {
    for (const file of [`in_${name}.txt`, BOTH]) await writeFile(join(name, file), `I'm from ${name}!\n`);
  }
  return {
    title: 'Two directories',
    sentence: 'lower will only be read, upper takes the changes, work is scratch paper for the kernel.',
    shell: [
      'mkdir lower upper work merged',
      `echo "I'm from lower!" | tee lower/in_lower.txt lower/${BOTH}`,
      `echo "I'm from upper!" | tee upper/in_upper.txt upper/${BOTH}`,
    ],
    call: [],
    directories: { lower: look('lower'), upper: look('upper') },
  };
}

async function oneMount(place: TourPlace, { userxattr }: TourOptions): Promise<Step> {
  const spec: MountSpec = {
    lower: 'lower',
    upper: 'upper',
    work: 'work',
    target: 'merged',
    ...(userxattr && { options: { userxattr } }),
  };
  await place.mount(spec);
  return {
    title: 'One mount joins them',
    sentence: `merged shows the names of both. ${BOTH} is in both, and the upper's hides the lower's.`,
    shell: [mountLine(spec)],
    call: [call(spec)],
    directories: { merged: look('merged') },
  };
}

async function reading(): Promise<Step> {
  return {
    title: 'Reading goes through',
    sentence: 'A read goes to the topmost layer that has the name. Nothing has been copied to upper.',
    shell: [`cat merged/in_lower.txt merged/${BOTH}`],
    call: ["await readFile('merged/in_lower.txt', 'utf8')"],
    files: { ...lookFor('in_lower.txt', ['merged', 'upper']), ...lookFor(BOTH, ['merged']) },
  };
}

async function creating(): Promise<Step> {
  await writeFile('merged/new_file', 'new file\n');
  return {
    title: 'A new file',
    sentence: 'Made in merged, stored in upper. The lower never hears of it.',
    shell: ["echo 'new file' > merged/new_file"],
    call: ["await writeFile('merged/new_file', 'new file\\n')"],
    files: lookFor('new_file', ['merged', 'upper', 'lower']),
  };
}

async function changing(): Promise<Step> {
  await appendFile('merged/in_lower.txt', 'Changed.\n');
  return {
    title: 'Changing a file of the lower',
    sentence: 'The first write copies the file up, and changes the copy. The lower keeps its own.',
    shell: ['echo Changed. >> merged/in_lower.txt'],
    call: ["await appendFile('merged/in_lower.txt', 'Changed.\\n')"],
    files: lookFor('in_lower.txt', ['merged', 'upper', 'lower']),
  };
}

async function deleting(): Promise<Step> {
  await rm(`merged/${BOTH}`);
  return {
    title: 'Deleting',
    sentence: 'The lower cannot be changed, so upper notes that the name is gone. That is a whiteout.',
    shell: [`rm merged/${BOTH}`, `stat -c '%F %t,%T' upper/${BOTH}`],
    call: [`await rm('merged/${BOTH}')`],
    files: lookFor(BOTH, ['merged', 'upper', 'lower']),
  };
}

async function copyingTheWhiteout(): Promise<Step> {
  const kind = kindOf(`upper/${BOTH}`);
  let fact = `the copy was made, of a ${kind}`;
  try {
    await copyFile(`upper/${BOTH}`, 'copy');
  } catch (error) {
    fact = (error as Error).message;
  }
  return {
    title: 'A whiteout cannot be copied',
    sentence: 'It is a device that no driver has: it can be seen, moved and removed, but not opened.',
    shell: [`cp upper/${BOTH} copy`],
    call: [`await copyFile('upper/${BOTH}', 'copy')`],
    facts: [fact],
  };
}

async function manyLowers(place: TourPlace, { userxattr }: TourOptions): Promise<Step> {
  await mkdir('many');
  for (const layer of LAYERS) {
    await mkdir(layer, { recursive: true });
    await writeFile(join(layer, 'who'), `I'm from ${layer}!\n`);
    await writeFile(join(layer, `only_in_${layer.slice(-2)}`), '');
  }
  const spec: MountSpec = { lower: LAYERS, target: 'many', ...(userxattr && { options: { userxattr } }) };
  await place.mount(spec);
  const row = (await list()).find(({ target }) => target === join(place.path, 'many'));
  const names = Object.keys(look('many'));
  const middle = LAYERS.slice(2, -1);
  const inPlace = (layer: unknown) => String(layer).replace(`${place.path}/`, '');
  const [top, bottom] = [inPlace(row?.lower[0]), inPlace(row?.lower.at(-1))];
  return {
    title: 'Many lowers',
    sentence:
      'An image is a stack of layers. The first in the list is the top one, and wins. No upper: read-only.',
    shell: [mountLine(spec).replace(`:${middle.join(':')}:`, ':…:')],
    call: [call({ ...spec, lower: [...LAYERS.slice(0, 2), '…', ...LAYERS.slice(-1)] }).replace("'…'", '…')],
    files: lookFor('who', ['many']),
    facts: [
      `many shows ${names.length} names: who, and ${names.filter((name) => name !== 'who').length} that one layer each has`,
      `list() names ${row?.lower.length} lowers, from ${top} on top to ${bottom} at the bottom`,
    ],
  };
}

async function unmounting(place: TourPlace): Promise<Step> {
  await place.unmountAll();
  return {
    title: 'Unmounting',
    sentence: 'merged is an empty directory again, lower is as it was, upper holds exactly the changes.',
    shell: ['umount many merged'],
    call: ['await overlay.unmount()'],
    directories: { merged: look('merged'), lower: look('lower'), upper: look('upper') },
  };
}

async function cleaningUp(place: TourPlace): Promise<Step> {
  await place.remove();
  const left = (await list()).filter(({ target }) => String(target).startsWith(place.path));
  return {
    title: 'Nothing stays',
    sentence: 'A mount line, and everything else is files: that is most of what a container image is.',
    shell: [`rm -r ${place.path}`],
    call: [],
    facts: [
      `${place.path} ${existsSync(place.path) ? 'is still there' : 'is gone'}, and ${left.length} overlays are left in it`,
    ],
  };
}

const STEPS: readonly ((place: TourPlace, options: TourOptions) => Promise<Step>)[] = [
  twoDirectories,
  oneMount,
  reading,
  creating,
  changing,
  deleting,
  copyingTheWhiteout,
  manyLowers,
  unmounting,
  cleaningUp,
];

/** Does the steps one by one; the place is the current directory. */
export async function* walk(place: TourPlace, options: TourOptions): AsyncGenerator<Step> {
  for (const step of STEPS) yield await step(place, options);
}

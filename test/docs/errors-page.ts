// The page docs/errors.md: the register of codes, and how each looks in mount(8) by the recorded run.
import type { CODES } from '../../lib/diagnosis/codes/codes.ts';
import type { CodeRow } from '../../lib/diagnosis/codes/row.ts';
import { mount8Cell, type Words } from './words.ts';

const LONG = 56;

const HEAD = `# Errors

<!-- Made by \`npm run docs\` from lib/diagnosis/codes. -->

Everything that fails throws an \`OverlayError\` (promise forms reject with it). Match on \`code\`; the message is for people and may change. \`ErrorCode\` is the type of them all.

| property           | meaning                                                                   |
| ------------------ | ------------------------------------------------------------------------- |
| \`code\`             | one of the below                                                          |
| \`message\`          | what is wrong, in a sentence                                              |
| \`hint\`             | what to do, in a sentence                                                 |
| \`option\`           | \`'lower'\`, \`'data'\`, \`'upper'\`, \`'work'\`, \`'target'\`, or an option's name |
| \`index\`            | which lower or data layer, from 0                                         |
| \`path\`             | as given                                                                  |
| \`errno\`, \`syscall\` | of the failed system call, \`errno\` negative as in Node's own errors       |
| \`cause\`            | a \`KernelError\`: the call as text, and in \`log\` the kernel's own words    |
| \`findings\`         | all that was found, the cause first                                       |

A cause is stated when a look at the machine has confirmed it. Otherwise the code is \`ERR_OVERLAY_UNEXPLAINED\`: the failed call, and what was looked at and found in order.

The column mount(8) has its words for the same, from a run; [mount8.md](mount8.md) has them condition by condition, beside ours.`;

const RUN_TIME_REST = `It also gives these of above: \`ERR_OVERLAY_NO_SPACE\` (ENOSPC), \`ERR_OVERLAY_UPPER_READ_ONLY\` (EROFS: the upper's filesystem became read-only), \`ERR_OVERLAY_LAYERS_OVERLAP\` (ELOOP: the path leads into the upper or work directory, which lies in a lower), \`ERR_OVERLAY_SYMLINK_LOOP\` (ELOOP), and \`ERR_OVERLAY_NEEDS_TRUSTED\` (EIO: an opaque directory is needed, in a user namespace, without \`userxattr\`).`;

interface Section {
  readonly title: string;
  readonly before: string;
  readonly column: string;
  readonly after?: string;
}

const SECTIONS: Readonly<Record<keyof typeof CODES, Section>> = {
  arguments: { title: 'Wrong arguments', before: 'Found before any system call.', column: 'mount(8)' },
  directories: { title: 'Directories', before: '', column: 'mount(8)' },
  machine: { title: 'The machine', before: '', column: 'mount(8)' },
  dangers: {
    title: 'Dangers',
    before: 'The kernel lets these pass without a word. `explain` lists them after what would fail.',
    column: 'mount(8)',
  },
  live: { title: 'Live overlays', before: '', column: 'umount(8)' },
  layers: {
    title: 'Layers',
    before:
      'Of `overlayfs/layer`, `layersAt` and the commands made of them. What a mounted overlay fails with at a name is told in the `error` of the entry, and the rest is read.',
    column: 'a mounted overlay',
  },
  apply: {
    title: 'Applying changes',
    before:
      'Of `planApply`, `apply` and `resumeApply`. Other codes come too, such as `ERR_OVERLAY_NO_SPACE`, `ERR_OVERLAY_NO_ACCESS` and `ERR_OVERLAY_IMMUTABLE`: unless the code is `ERR_OVERLAY_APPLY_UNFINISHED` or `ERR_OVERLAY_REMAINS`, the target is as it was.',
    column: 'mount(8)',
  },
  run: {
    title: 'Running commands',
    before:
      'Of `run`. Those of a failed `scratch` come too. `overlayfs run` ends with 125 for all but the two that have another code of their own.',
    column: 'mount(8)',
  },
  images: {
    title: 'Image layers and documents',
    before: 'Of the words that image layers are made of. Nothing of the public API throws them yet.',
    column: 'seen',
  },
  store: {
    title: 'Stores of snapshots',
    before:
      'Of `openStore` and what it gives. What is wrong with the directory or its filesystem has the codes of above.',
    column: 'mount(8)',
  },
  runTime: {
    title: 'Inside an overlay',
    before:
      '`explainError(error, overlay)` takes an error that `node:fs` threw inside an overlay, and says what it means there. Its `errno` and `syscall` are those of the error, which is the `cause`.',
    column: 'node:fs',
    after: RUN_TIME_REST,
  },
};

function shortened(words: string | undefined): string {
  const text = mount8Cell(words);
  return text.length <= LONG ? text : `${text.slice(0, text.lastIndexOf(' ', LONG))} …`;
}

/** All that mount(8) said of conditions with this code. */
function seenOf(code: string, { seen }: CodeRow, words: readonly Words[]): string {
  const said = words.filter((row) => row.code === code).map(({ mount8 }) => shortened(mount8));
  return [...new Set(said)].join('<br>') || (seen ?? '–');
}

export function errorsPage(codes: typeof CODES, words: readonly Words[]): string {
  const sections = Object.entries(SECTIONS).map(([group, { title, before, column, after }]) => {
    const rows = Object.entries(codes[group as keyof typeof CODES]).map(
      ([code, row]) => `| \`${code}\` | ${row.meaning} | ${seenOf(code, row, words)} | ${row.remedy} |`,
    );
    const table = `| code | meaning | ${column} | remedy |\n| --- | --- | --- | --- |\n${rows.join('\n')}`;
    return [`## ${title}`, before, table, after ?? ''].filter((part) => part !== '').join('\n\n');
  });
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}

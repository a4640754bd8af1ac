// Writes docs/mount8.md: what mount(8) says of a mount that fails, and what this package says, from a run on this machine.
//
// Needs root and a built dist/. Everything happens in a private directory and mount namespace:
//   unshare --mount --propagation private node scripts/compare-words.mjs
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatOptions, mountSync } from '../dist/index.js';

const root = mkdtempSync(join(tmpdir(), 'overlayfs-words-'));
const at = (name) => join(root, name);

function directory(name) {
  mkdirSync(at(name), { recursive: true });
  return at(name);
}

function shell(command, ...args) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

function tmpfs(name, options = 'size=1m') {
  shell('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', directory(name));
  return at(name);
}

// Each makes what it needs in a directory of its own; `target` is there unless it says otherwise.
const base = (n) => ({ lower: [directory(`${n}/lower`)], target: directory(`${n}/target`) });
const writable = (n) => ({ ...base(n), upper: directory(`${n}/upper`), work: directory(`${n}/work`) });
const file = (name) => {
  writeFileSync(at(name), '');
  return at(name);
};
const CONDITIONS = {
  'the second lower does not exist': (n) => ({ ...base(n), lower: [directory(`${n}/a`), at(`${n}/nope`)] }),
  'the upper does not exist': (n) => ({ ...writable(n), upper: at(`${n}/nope`) }),
  'the target does not exist': (n) => ({ ...writable(n), target: at(`${n}/nope`) }),
  'a lower is a symbolic link to nothing': (n) => {
    const spec = writable(n);
    symlinkSync('gone', at(`${n}/link`));
    return { ...spec, lower: [at(`${n}/link`)] };
  },
  'a lower is a file': (n) => ({ ...writable(n), lower: [file(`${n}/file`)] }),
  'a lower is named twice': (n) => ({ ...writable(n), lower: [directory(`${n}/a`), at(`${n}/a`)] }),
  'a lower lies in another': (n) => ({ ...writable(n), lower: [directory(`${n}/a/b`), at(`${n}/a`)] }),
  'work lies in upper': (n) => ({ ...writable(n), work: directory(`${n}/upper/work`) }),
  'work is on another filesystem': (n) => ({ ...writable(n), work: tmpfs(`${n}/other`) }),
  'upper is read-only': (n) => {
    const place = tmpfs(`${n}/ro`);
    const spec = { ...writable(n), upper: directory(`${n}/ro/u`), work: directory(`${n}/ro/w`) };
    shell('mount', '-o', 'remount,ro', place);
    return spec;
  },
  'a lower is on procfs': (n) => ({ ...writable(n), lower: ['/proc/sys'] }),
  'upper was used by a volatile overlay': (n) => {
    const spec = writable(n);
    mountSync({ ...spec, options: { volatile: true } }).unmountSync();
    return spec;
  },
  'an option is unknown': (n) => ({ ...writable(n), options: { raw: { bogus: '1' } } }),
  'upper and work are in use': (n) => {
    const spec = writable(n);
    mountSync({ ...spec, target: directory(`${n}/first`) });
    return spec;
  },
  'work holds data named "work"': (n) => {
    const spec = writable(n);
    writeFileSync(join(spec.work, 'work'), 'mine');
    return spec;
  },
  'no directory can be made in work': (n) => {
    tmpfs(`${n}/full`, 'nr_inodes=4');
    return {
      ...writable(n),
      upper: directory(`${n}/full/u`),
      work: directory(`${n}/full/w`),
      _: directory(`${n}/full/x`),
    };
  },
};

function ourWords({ _, ...spec }) {
  try {
    mountSync(spec).unmountSync();
    return 'mounts';
  } catch (error) {
    return `${error.message} — ${error.hint} (\`${error.code}\`)`;
  }
}

function theirWords({ _, target, ...spec }) {
  const args = ['-t', 'overlay', 'overlay', '-o', formatOptions(spec).toString(), target];
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) return stderr.trim().split('\n')[0];
  shell('umount', target);
  return '*nothing: it mounts*';
}

function cell(text, place) {
  return text.replaceAll(`${place}/`, '/…/').replaceAll(place, '/…').replaceAll('|', '\\|');
}

try {
  const rows = Object.entries(CONDITIONS).map(([condition, make], i) => {
    const spec = make(`c${i}`);
    // Ours first: where we refuse, mount(8) may go on and change what is there.
    const ours = ourWords(spec);
    return `| ${condition} | ${cell(theirWords(spec), at(`c${i}`))} | ${cell(ours, at(`c${i}`))} |`;
  });
  const { stdout } = spawnSync('mount', ['--version'], { encoding: 'utf8' });
  const text = `# What mount(8) says, and what we say

From a run of \`scripts/compare-words.mjs\` on Linux ${release().replace(/-.*/, '')} with ${stdout.trim()}.

| condition | mount(8) | overlayfs |
| --- | --- | --- |
${rows.join('\n')}
`;
  writeFileSync(new URL('../docs/mount8.md', import.meta.url), text);
} finally {
  const below = spawnSync('sh', ['-c', `grep -o '${root}[^ ]*' /proc/self/mountinfo | sort -ru | uniq`], {
    encoding: 'utf8',
  });
  for (const place of below.stdout.split('\n').filter((line) => line.startsWith(root)))
    spawnSync('umount', ['-l', place]);
  if (readdirSync(root).length > 0) rmSync(root, { recursive: true, force: true });
}

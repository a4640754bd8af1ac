// What an ordinary user may not do with a layer: a code for each, and nothing is left.
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, entry, file } from './layer-archive.ts';

interface Told {
  readonly code: string;
  readonly hint: string;
  readonly path: string;
  readonly syscall?: string;
}

/** What nobody is told who unpacks the file `layer` as `target`. */
function refusal(layer: string, target: string): Told {
  return printedJson<Told>(
    asNobody(
      `import { unpackLayer } from 'overlayfs/oci';
      const { code, hint, path, syscall } = await unpackLayer(process.argv[1], process.argv[2]).then(
        () => ({ code: 'unpacked' }), (error) => error);
      console.log(JSON.stringify({ code, hint, path, syscall }));`,
      { args: [layer, target] },
    ),
  );
}

/** A directory of everybody's, with a layer in it that everybody may read. */
function place(layer: Buffer) {
  const scratch = scratchDirectory();
  chmodSync(scratch.path, 0o755);
  const open = scratch.join('open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  writeFileSync(scratch.join('layer.tar'), layer);
  return { scratch, open, layer: scratch.join('layer.tar') };
}

test.each<[string, Buffer, Partial<Told>]>([
  [
    'to give a file away',
    archive(file('f', 'x', { uid: 1, gid: 1 })),
    { code: 'ERR_OVERLAY_LAYER_OWNER', syscall: 'fchownat' },
  ],
  [
    'to make a device',
    archive(entry('null', { type: 'character', device: { major: 1, minor: 3 }, uid: 65534, gid: 65534 })),
    { code: 'ERR_OVERLAY_LAYER_DEVICE', syscall: 'mknodat' },
  ],
  [
    'to give a capability',
    archive(file('f', 'x', { uid: 65534, gid: 65534, xattrs: { 'trusted.x': '1' } })),
    { code: 'ERR_OVERLAY_LAYER_XATTR', syscall: 'setxattr' },
  ],
])('an ordinary user may not, without `rootless`: %s', (_, bytes, told) => {
  const { open, layer } = place(bytes);
  const found = refusal(layer, `${open}/l`);
  expect(found).toMatchObject(told);
  expect(found.hint).toContain('rootless');
  expect(found.path).toMatch(new RegExp(`^${open}/l/`));
  expect(readdirSync(open)).toEqual([]);
});

privileged('a directory that may not be written to, and a layer that may not be read', () => {
  const { scratch, open, layer } = place(archive(file('f')));
  expect(refusal(layer, scratch.join('l'))).toMatchObject({
    code: 'ERR_OVERLAY_NOT_WRITABLE',
    path: scratch.path,
    syscall: 'mkdirat',
  });
  chmodSync(layer, 0o600);
  expect(refusal(layer, `${open}/l`)).toMatchObject({ code: 'ERR_OVERLAY_NO_ACCESS', path: layer });
  expect(readdirSync(open)).toEqual([]);
  expect(readdirSync(scratch.path).toSorted()).toEqual(['layer.tar', 'open']);
});

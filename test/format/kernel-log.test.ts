import { describe, expect, test } from 'vitest';
import { overlayLines, textOfRecord } from '../../lib/format/kernel-log.ts';

const record = (text: string, head = '3,345,869837341,-') => Buffer.from(`${head};${text}\n`);

describe('a record', () => {
  test.each<[string, Buffer, string | undefined]>([
    ['of the kernel', record('overlayfs: missing'), 'overlayfs: missing'],
    ['with more fields', record('a', '6,1,2,-,caller=T9'), 'a'],
    ['with a dictionary', record('a\n SUBSYSTEM=x'), 'a'],
    ['with escaped bytes', record("overlayfs: '/a\\x0ab\\x5cc\\xff'"), undefined],
    ['of a program, which could say anything', record('overlayfs: lies', '12,3,4,-'), undefined],
    ['that is none', Buffer.from('text'), undefined],
  ])('%s', (name, bytes, text) => {
    if (name === 'with escaped bytes') {
      expect(textOfRecord(bytes)).toEqual(Buffer.from("overlayfs: '/a\nb\\c\xff'", 'latin1'));
    } else expect(textOfRecord(bytes)?.toString()).toBe(text);
  });
});

const ours = ['/t/lower', '/t/upper', '/t/work', '/t/odd\nname'].map((path) => Buffer.from(path));
const lines = (texts: readonly string[], alone = true) =>
  overlayLines(
    texts.map((text) => record(`overlayfs: ${text}`)),
    ours,
    alone,
  );

describe('lines of a mount', () => {
  test.each([
    "failed to resolve '/t/lower': -2",
    'failed to create directory /t/work/work (errno: 1); mounting read-only',
    "cleanup of 'work/work' failed (-39)",
    'failed to set uuid (/upper, err=-28); falling back to uuid=null.',
    'failed to verify upper (t/upper, ino=13, err=-116)',
    "failed to resolve '/t/odd\\x0aname': -2",
    // Their slashes are no paths.
    "upperdir is in-use as upperdir/workdir of another mount, mount with '-o index=off' to override",
    'upper fs is r/o, try multi-lower layers mount',
    'at least 2 lowerdir are needed while upperdir nonexistent',
  ])('%s', (text) => {
    expect(lines([text])).toHaveLength(1);
  });

  test.each([
    "failed to resolve '/elsewhere/lower': -2",
    'failed to create directory /other/work (errno: 1); mounting read-only',
    'failed to verify upper (x/upper2, ino=13, err=-116)',
  ])('of another mount: %s', (text) => {
    expect(lines([text])).toEqual([]);
  });

  test('without a path: only when nobody else can have caused them', () => {
    const [named, nameless] = ["failed to resolve '/t/lower': -2", 'overlapping lowerdir path'];
    expect(lines([nameless, nameless])).toEqual([`overlayfs: ${nameless}`, `overlayfs: ${nameless}`]);
    expect(lines([named, nameless])).toEqual([`overlayfs: ${named}`]);
    expect(lines([named, nameless], false)).toEqual([`overlayfs: ${named}`]);
    expect(lines([named, nameless, "failed to resolve '/elsewhere': -2"])).toEqual([`overlayfs: ${named}`]);
  });

  test('of other drivers', () => {
    expect(overlayLines([record('EXT4-fs (vda): mounted')], ours, true)).toEqual([]);
  });
});

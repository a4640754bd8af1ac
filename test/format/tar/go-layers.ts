// Entries, and the SHA-256 of what Go 1.19's archive/tar writes for them in its pax form, recorded from a run.
import type { WritableEntry } from '../../../lib/format/tar/writer.ts';

const NOTHING = Buffer.alloc(0);
const of = (text: string): Buffer => Buffer.from(text, 'latin1');
const entry = (changes: Partial<WritableEntry>): WritableEntry => ({
  name: of('etc/hosts'),
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: NOTHING,
  gname: NOTHING,
  mtime: 1_700_000_000_000_000_000n,
  size: 0,
  linkname: NOTHING,
  device: { major: 0, minor: 0 },
  xattrs: [],
  ...changes,
});
const xattr = (name: string, value: string) => ({ name: of(name), value: of(value) });

export const GO_ENTRIES: Readonly<Record<string, readonly [WritableEntry, string]>> = {
  'a plain file': [entry({ size: 5 }), 'f2ef6ac72fb731370c0119ec7367051646f4cd4283a28fd7829e16bbb1612de9'],
  'a directory': [
    entry({ name: of('usr/lib/'), type: 'directory', mode: 0o1777 }),
    '509396bc99ac2bea9a625b8c85bf0f74d53440a605e33f7b9be69b10ac827211',
  ],
  'a symbolic link': [
    entry({ name: of('bin'), type: 'symlink', mode: 0o777, linkname: of('usr/bin') }),
    '549b71fb1fcc79dd7fd6a91cade76aec5b0af79d6253a1fd64d2f49bc6cba779',
  ],
  'a hard link': [
    entry({ type: 'hardlink', linkname: of('etc/other') }),
    'b9fce941b3357102ca557799b80a9ac04d5e2531de9c2f3b138026f473099765',
  ],
  'a device': [
    entry({ name: of('dev/sda'), type: 'block', device: { major: 8, minor: 1 } }),
    'ebd07ad8aef5d8fa54699260768cb89eb04644d667baebc6dc140cba7c17d864',
  ],
  'a fifo with an owner': [
    entry({ type: 'fifo', uid: 1000, gid: 2_097_151, uname: of('me'), gname: of('us') }),
    'fb01c92cf44d918f2e239b098068b24992ca0e5775971f3216dc24d5e2354166',
  ],
  'a name split for ustar': [
    entry({ name: of(`${'d'.repeat(80)}/${'f'.repeat(80)}`) }),
    '326db20f1a0253d75efc3f039afed6d1af46d19a2cfe327dd1330c67cef21390',
  ],
  'a name too long': [
    entry({ name: of(`${'d'.repeat(180)}/${'f'.repeat(180)}`) }),
    '2c3c7b2d7765357fefc864a1135769a91afebdc1cd5be429601d1ceda10bc808',
  ],
  'a name cut at a slash': [
    entry({ name: of(`${'d'.repeat(98)}//${'f'.repeat(180)}`) }),
    'a63fb6b7afe6de1b810fb60651d3890ef95c233f3344c0f58a16fe3215fac0e0',
  ],
  'a name of any bytes': [
    entry({ name: of('caf\xe9/\xc3\xa9') }),
    'daf85a7e343d92e528acd5a258cb9b15d0062b219c0bc00a57bc5c7f13104230',
  ],
  'a large owner': [
    entry({ uid: 2_097_152, gid: 4_294_967_294 }),
    '98dbf5fc886e1c71d326c689fcf90357c04f01ba1dbaf00f7ae9b778d0c0547d',
  ],
  'a large file': [
    entry({ size: 8 ** 11 }),
    'b51bd46464d59cabc369b888b97fa891c9252a391e8cecf2c84be6df83ef988d',
  ],
  'a time with a fraction': [
    entry({ mtime: 1_700_000_000_120_000_000n }),
    'a69964d4bd517c100042d11f1f648f07fb94fe2b8cf977afff52a047ed4441ba',
  ],
  'a time before 1970': [
    entry({ mtime: -1n }),
    'cc068e2672c8eef8e6e806aae7b460695243e7d0eebad62abe5080e2d0df2797',
  ],
  attributes: [
    entry({
      xattrs: [xattr('user.b', ''), xattr('security.capability', '\x01\0\0\x02\xff'), xattr('a', '%')],
    }),
    '739b100e2e3e774985ef2af7decc79bcde166467b12a86cd823bed5b0e406d2c',
  ],
  'all at once': [
    entry({
      name: of(`${'d'.repeat(80)}/${'f'.repeat(80)}`),
      type: 'symlink',
      linkname: of('l'.repeat(101)),
      uid: 2_097_152,
      uname: of('J\xf6rg'),
      mtime: -1_500_000_000n,
      xattrs: [xattr('user.x', '\n=')],
    }),
    'f50caf54b37268a2b5da3d8ec630ae492d0b948c55f41c9ebb84adcc8cbed5d1',
  ],
};

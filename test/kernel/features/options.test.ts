// Each option of the driver: what the probe says is what mount(8) meets, and what a refusing kernel answers.
import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { optionNames } from '../../../lib/kernel/features/options.ts';
import { features } from '../../../lib/mount/features.ts';
import { privileged } from '../../support/privilege.ts';
import { probeFaked } from './probe.ts';

/** What mount(8) makes of an option in a private namespace: mountinfo's line, or undefined when it is refused. */
function mountedWith(option: string): string | undefined {
  const script =
    'mount -t tmpfs x /mnt && cd /mnt && mkdir l u w m && ' +
    `mount -t overlay x -o lowerdir=l,upperdir=u,workdir=w,${option} m && grep ' - overlay x ' /proc/self/mountinfo`;
  const { status, stdout } = spawnSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}

privileged('agrees with mount(8) about every option', async () => {
  const found = await features();
  const words: Record<(typeof optionNames)[number], string> = {
    userxattr: 'userxattr',
    metacopy: 'metacopy=on',
    redirectDir: 'redirect_dir=on',
    index: 'index=on',
    nfsExport: 'index=on,nfs_export=on',
    volatile: 'volatile',
    fsync: 'fsync=strict',
    xino: 'xino=auto',
    uuid: 'uuid=on',
    verity: 'metacopy=on,verity=on',
    overrideCreds: 'nooverride_creds',
  };
  for (const name of optionNames)
    expect([name, found[name].available]).toEqual([name, mountedWith(words[name]) !== undefined]);
  for (const [name, word] of [
    ['index', 'index=on'],
    ['nfsExport', 'nfs_export=on'],
    ['metacopy', 'metacopy=on'],
  ] as const)
    expect([name, found[name].available]).toEqual([name, mountedWith(words[name])?.includes(word)]);
});

privileged('an option that the kernel refuses is named with the refused call', () => {
  const found = probeFaked(['fsconfig:fsync=EINVAL']);
  expect(found.fsync).toMatchObject({
    available: false,
    reason: expect.stringContaining('fsconfig(overlay, FSCONFIG_SET_STRING, "fsync", "strict"): EINVAL'),
  });
});

privileged('an option that the kernel drops silently is not available', () => {
  const found = probeFaked(['getxattr:trusted.overlay.metacopy=ENODATA']);
  expect(found.metacopy).toMatchObject({
    available: false,
    reason: expect.stringContaining('has no effect'),
  });
});

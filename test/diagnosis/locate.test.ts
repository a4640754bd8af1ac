import { symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { locate, openPlace } from '../../lib/diagnosis/locate.ts';
import { close } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('the place below a root, through links and missing names', () => {
  const scratch = scratchDirectory();
  scratch.file('root/d/f');
  symlinkSync('d', scratch.join('root/link'));
  symlinkSync('root', scratch.join('other'));
  const root = { option: 'target', absolute: scratch.join('root') };
  const placeOf = (name: string, syscall?: string) => {
    const found = runSync(locate(Buffer.from(scratch.join(name)), root, syscall))!;
    if (found.itself !== undefined) close(found.itself);
    return [found.place?.toString(), found.itself !== undefined];
  };
  expect(placeOf('root/d/f')).toEqual(['d/f', true]);
  expect(placeOf('other/link/f')).toEqual(['d/f', true]);
  expect(placeOf('root/link', 'open')).toEqual(['d', true]);
  expect(placeOf('root/link', 'lstat')).toEqual(['link', true]);
  expect(placeOf('other/link/gone/x')).toEqual(['d/gone/x', false]);
  expect(placeOf('root')).toEqual(['', true]);
  expect(placeOf('elsewhere')).toEqual([undefined, false]);
  expect(runSync(locate(Buffer.from('/no/such'), undefined, undefined))!.place).toBeUndefined();
});
test('what cannot be opened is undefined', () => {
  expect(runSync(openPlace(AT_FDCWD, '/no/such'))).toBeUndefined();
});

// What tells of a volatile overlay: our note with the boot that it is of, and marks beside the upper.
import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lookForVolatile, volatileNote, volatileNoteName } from '../../lib/diagnosis/volatile-facts.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';

function stage() {
  const scratch = scratchDirectory();
  const upper = { option: 'upper', absolute: scratch.directory('upper') };
  const look = (work?: string) =>
    runSync(
      lookForVolatile(upper, work === undefined ? undefined : { option: 'work', absolute: work }, 'user'),
    );
  return { scratch, upper: upper.absolute, look };
}

test('the note tells whether the machine was started anew, and whether the overlay ended', () => {
  const { upper, look } = stage();
  expect(look()).toBeUndefined();
  setXattr(upper, volatileNoteName('user'), 'another boot');
  expect(look()).toEqual({ by: 'note', restarted: true });
  setXattr(upper, volatileNoteName('user'), 'another boot ended');
  expect(look()).toEqual({ by: 'note', restarted: true });
  setXattr(upper, volatileNoteName('user'), runSync(volatileNote(false)));
  expect(look()).toEqual({ by: 'note', restarted: false });
  setXattr(upper, volatileNoteName('user'), runSync(volatileNote(true)));
  expect(look()).toBeUndefined();
});

test('a mark beside is one of an upper that was used, for a work directory that was not', () => {
  const { scratch, upper, look } = stage();
  const marked = scratch.directory('w');
  mkdirSync(`${marked}/work/incompat/volatile`, { recursive: true });
  expect(look()).toBeUndefined();
  setXattr(upper, 'user.overlay.uuid', 'noted');
  const trace = { by: 'work', path: Buffer.from(marked) };
  expect([look(), look(scratch.directory('new'))]).toEqual([trace, trace]);
  scratch.directory('old', 'work');
  // It is the one in question, or was one before.
  expect([look(marked), look(scratch.directory('old'))]).toEqual([undefined, undefined]);
  setXattr(scratch.directory('other'), 'user.overlay.uuid', 'noted');
  expect(look()).toBeUndefined();
});

test('what cannot be looked at tells nothing', () => {
  const gone = { option: 'upper', absolute: '/nowhere/upper' };
  expect(runSync(lookForVolatile(gone, undefined, 'user'))).toBeUndefined();
});

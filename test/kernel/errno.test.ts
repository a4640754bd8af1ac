// errno names: all that Node knows, those of file systems that it does not, and a plain number for the rest.
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import * as errno from '../../lib/kernel/errno.ts';

const { errnoName, ...numbers } = errno;

describe('errnoName', () => {
  // Of stream devices, which Linux does not have, and of System V queues.
  const never = ['ENOMSG', 'EIDRM', 'ENOSTR', 'ENOSR', 'ENETRESET'];

  test('agrees with os.constants, where two names of one number count as one', () => {
    const known = Object.entries(constants.errno).filter(([name]) => !never.includes(name));
    expect(known.length).toBeGreaterThan(70);
    for (const [name, number] of known) {
      const names = known.filter(([, same]) => same === number).map(([each]) => each);
      expect(names, name).toContain(errnoName(number));
    }
  });
  test.each([
    [15, 'ENOTBLK'],
    [116, 'ESTALE'],
    [117, 'EUCLEAN'],
    [122, 'EDQUOT'],
    [37, 'ENOLCK'],
    [66, 'EREMOTE'],
    [74, 'EBADMSG'],
    [126, 'ENOKEY'],
    [2, 'ENOENT'],
    [95, 'EOPNOTSUPP'],
  ])('%d is %s', (number, name) => {
    // Node 20 says ENOTSUP for 95, which is the same number.
    expect([name, name.replace('EOPNOTSUPP', 'ENOTSUP')]).toContain(errnoName(number));
  });
  test.each([0, 999, 4000, -1, 1.5, Number.NaN])('%d has no name', (number) => {
    expect(errnoName(number)).toBe(`errno ${number}`);
  });
});

test('the numbers are those of this machine', () => {
  expect(numbers).toEqual(
    Object.fromEntries(
      Object.keys(numbers).map((name) => [name, constants.errno[name as keyof typeof constants.errno]]),
    ),
  );
});

import { expect, test } from 'vitest';
import { isInside } from '../../lib/cli/user-namespace.ts';
import { needUserNamespaces } from './need-user-namespaces.ts';
import { overlayfsAsNobody } from './run-program.ts';

test('this process is not inside', () => {
  expect(isInside()).toBe(false);
});
test('the program goes on as root of a user namespace, with its exit code and its output', () => {
  needUserNamespaces();
  const outcome = overlayfsAsNobody(['tour', '--json']);
  expect(outcome).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(outcome.stdout)).toMatchObject({ as: 'as root of a user namespace' });
});

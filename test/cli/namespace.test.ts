import { expect, test } from 'vitest';
import { requireOwnNamespace } from '../../lib/cli/namespace.ts';

test.each([undefined, '/proc/self/ns/mnt', String(process.pid)])('%s is our own', (namespace) => {
  expect(() => requireOwnNamespace(namespace)).not.toThrow();
});
test.each(['/proc/self/ns/net', '/no/such', '999999999', 'x'])('%s is refused', (namespace) => {
  expect(() => requireOwnNamespace(namespace)).toThrow(
    `-N ${namespace}: this works in the mount namespace of its own`,
  );
});

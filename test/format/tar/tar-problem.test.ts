import { expect, test } from 'vitest';
import { tarProblem, unwritable } from '../../../lib/format/tar/tar-problem.ts';

test('says where in the archive, and what to do', () => {
  const error = tarProblem('ERR_OVERLAY_TAR_LIMIT', 1536, 'too much');
  expect(error).toMatchObject({
    code: 'ERR_OVERLAY_TAR_LIMIT',
    message: 'the tar archive at byte 1536: too much',
    hint: expect.stringContaining('raise the limit'),
  });
});

test('names the entry, whatever its bytes', () => {
  const error = unwritable(Buffer.from('a\n\xff', 'latin1'), 'an odd thing');
  expect(error.code).toBe('ERR_OVERLAY_TAR_VALUE');
  expect(error.message).toBe('no tar entry can say this of "a\\n\ufffd": an odd thing');
});

// -o text through the public door: what it says comes back, and what it cannot say is an OverlayError.
import { describe, expect, test } from 'vitest';
import { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import { formatOptions, parseOptions } from '../../lib/mount/option-words.ts';

function errorOf(attempt: () => unknown): OverlayError {
  try {
    attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(OverlayError);
    return error as OverlayError;
  }
  throw new Error('nothing was thrown');
}

describe('option text', () => {
  test('gives the parts of a spec, escapes undone', () => {
    expect(parseOptions('lowerdir=/a\\:b:/c,upperdir=/u\\,v,workdir=/w,nosuid,metacopy=on')).toMatchObject({
      lower: ['/a:b', '/c'],
      upper: '/u,v',
      work: '/w',
      options: { metacopy: true },
      attributes: { nosuid: true },
    });
  });

  test('comes back as it was', () => {
    const spec = { lower: ['/a:b', '/c d'], upper: '/u,\\', work: '/w', options: { index: true } };
    expect(parseOptions(formatOptions(spec))).toEqual(spec);
  });

  test.each([
    ['lowerdir=/a,lowerdir=/b', 'ERR_OVERLAY_OPTION_TEXT'],
    ['lowerdir=/a:', 'ERR_OVERLAY_OPTION_TEXT'],
  ])('refuses %s', (text, code) => {
    const error = errorOf(() => parseOptions(text));
    expect(error).toMatchObject({ code, findings: [{ code }] });
    expect(error.hint).not.toBe('');
  });

  test('a descriptor has no form as text', () => {
    expect(errorOf(() => formatOptions({ lower: [{ fd: 3 }] }))).toMatchObject({
      code: 'ERR_OVERLAY_OPTION_VALUE',
      option: 'lower',
    });
  });
});

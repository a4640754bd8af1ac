import { describe, expect, test } from 'vitest';
import {
  choosePlatform,
  fitness,
  formatPlatform,
  parsePlatform,
  platformShape,
} from '../../../lib/format/oci/platform.ts';

test.each([
  ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
  ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
  ['arm64', { os: 'linux', architecture: 'arm64' }],
])('%s is read', (words, platform) => {
  expect(parsePlatform(words)).toEqual(platform);
});

test.each(['', 'linux/', 'a/b/c/d', 'linux/am d64'])('%j is no platform', (words) => {
  expect(() => parsePlatform(words)).toThrow(
    expect.objectContaining({ code: 'ERR_OVERLAY_IMAGE_PLATFORM', option: 'platform' }),
  );
});

describe('what runs where', () => {
  test.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/x86_64', 'linux/amd64', true],
    ['Linux/aarch64', 'linux/arm64/v8', true],
    ['linux/arm/7', 'linux/arm/v7', true],
    ['linux/arm', 'linux/armhf', true],
    ['linux/arm/v6', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    ['linux/amd64', 'linux/amd64/v3', true],
    ['linux/amd64/v3', 'linux/amd64', false],
    ['linux/arm/v7', 'linux/arm64', false],
    ['linux/386', 'linux/amd64', false],
    ['windows/amd64', 'linux/amd64', false],
    ['linux/riscv64', 'linux/riscv64', true],
    ['linux/arm/odd', 'linux/arm/v7', false],
  ])('%s on %s: %s', (offered, wanted, runs) => {
    expect(fitness(parsePlatform(offered), parsePlatform(wanted)) > 0).toBe(runs);
  });
});

describe('of several offers', () => {
  const offers = ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64', 'linux/arm64', 'unknown/unknown'].map(
    (words, number) => ({ number, platform: parsePlatform(words) }),
  );
  const chosen = (wanted: string) => choosePlatform(offers, parsePlatform(wanted)).number;
  test('the best is taken, the first of equals', () => {
    expect(chosen('linux/arm/v7')).toBe(1);
    expect(chosen('linux/arm/v5')).toBe(0);
    expect(chosen('linux/arm64')).toBe(2);
  });
  test('none that fits is told, with what there is', () => {
    expect(() => chosen('linux/s390x')).toThrow(
      expect.objectContaining({
        code: 'ERR_OVERLAY_IMAGE_PLATFORM',
        message: 'the image is not for the platform linux/s390x',
        hint: 'it is for linux/arm/v5, linux/arm/v6, linux/arm64: name one of these as `platform`',
      }),
    );
    expect(() => choosePlatform([], parsePlatform('linux/arm'))).toThrow(
      expect.objectContaining({ hint: 'the image names no platform that it is for' }),
    );
  });
  test('a single one without platform is meant', () => {
    expect(choosePlatform([{ platform: null }], parsePlatform('linux/arm'))).toEqual({ platform: null });
  });
});

test('platforms are shown as they are written', () => {
  for (const words of ['linux/amd64', 'linux/arm/v7']) {
    expect(formatPlatform(parsePlatform(words))).toBe(words);
  }
  expect(() => platformShape({ os: 'linux' }, 'x')).toThrow('x has no architecture');
});

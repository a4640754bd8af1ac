import { expect, test } from 'vitest';
import { archivePath, parseSavedImages } from '../../../lib/format/oci/docker-archive.ts';
import { bytes } from './documents.ts';

test('reads the list of images, with paths in one form', () => {
  const list = [
    { Config: './c.json', RepoTags: ['a:1'], Layers: ['x/layer.tar', 'x//layer.tar'] },
    { Config: 'd', RepoTags: null, Layers: [], LayerSources: {} },
  ];
  expect(parseSavedImages(bytes(list))).toEqual([
    { config: 'c.json', repoTags: ['a:1'], layers: ['x/layer.tar', 'x/layer.tar'] },
    { config: 'd', repoTags: [], layers: [] },
  ]);
});

test.each([
  ['paths that lead out', [{ Config: '../c', Layers: [] }], /leads out/],
  ['paths of nothing', [{ Config: './', Layers: [] }], /manifest.json\[0\].Config names no file/],
  ['no layers', [{ Config: 'c' }], /manifest.json\[0\] has no Layers/],
  ['no list', {}, /manifest.json is no list/],
])('%s are refused', (_, document, message) => {
  expect(() => parseSavedImages(bytes(document))).toThrow(message);
});

test('names of the archive come to the same form', () => {
  expect(archivePath(Buffer.from('./a//b'))).toBe('a/b');
});

// The ways to make a mount, the best first, and which of them a request and this kernel allow.
import { escapeForFsconfigValue } from '../format/escape.ts';
import { joinLowerdir } from '../format/option-text.ts';
import type { MountApi } from '../kernel/mount-api.ts';
import { FSCONFIG_STRING_LIMIT, fitsFsconfig, type LayerForm, sizeOf, textOf } from './plan-fsopen.ts';
import { MOUNT_DATA_LIMIT, mountData } from './plan-mount.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** What is known of the kernel: nothing (all is believed to work) until a mount has failed. */
export type Known = MountApi | undefined;

export interface Rung {
  readonly name: string;
  readonly via: 'fsopen' | 'mount';
  readonly form: LayerForm | 'text' | 'numbers';
  /** Why this way cannot be gone, or undefined. */
  readonly obstacle: (request: MountRequest, known: Known) => string | undefined;
}

function layersOf(request: MountRequest): Layer[] {
  const { lower, data, upper, work } = request;
  return [...lower, ...data, ...(upper === undefined ? [] : [upper]), ...(work === undefined ? [] : [work])];
}

function bytesOf(layer: Layer): Buffer {
  return Buffer.from(textOf(layer) as Uint8Array);
}

function longString(layers: readonly Layer[], size: (layer: Layer) => number): string | undefined {
  const long = layers.find((layer) => size(layer) > FSCONFIG_STRING_LIMIT);
  if (long === undefined) return undefined;
  return `the path of ${long.option} is longer than the ${FSCONFIG_STRING_LIMIT} bytes that fsconfig takes`;
}

function upperObstacle(request: MountRequest): string | undefined {
  const { upper, work } = request;
  const layers = [upper, work].filter((layer) => layer !== undefined);
  return longString(layers, (layer) => escapeForFsconfigValue(bytesOf(layer)).length);
}

function needsDescriptors(request: MountRequest): boolean {
  return layersOf(request).some((layer) => layer.fd !== undefined || !fitsFsconfig(textOf(layer)));
}

function propagationObstacle(request: MountRequest, known: Known): string | undefined {
  return request.propagation === undefined ? undefined : known?.mountSetattr;
}

export const RUNGS: readonly Rung[] = [
  {
    name: 'layer descriptors',
    via: 'fsopen',
    form: 'descriptors',
    obstacle: (request, known) =>
      known?.fsopen ??
      known?.layerStrings ??
      propagationObstacle(request, known) ??
      (request.upper !== undefined || needsDescriptors(request) ? known?.layerDescriptors : undefined),
  },
  {
    name: 'lowerdir+ strings',
    via: 'fsopen',
    form: 'strings',
    obstacle: (request, known) =>
      known?.fsopen ??
      known?.layerStrings ??
      propagationObstacle(request, known) ??
      longString([...request.lower, ...request.data], (layer) => sizeOf(textOf(layer))) ??
      upperObstacle(request),
  },
  {
    name: 'one lowerdir string',
    via: 'fsopen',
    form: 'string',
    obstacle: (request, known) => {
      const missing = known?.fsopen ?? propagationObstacle(request, known);
      if (missing !== undefined) return missing;
      const joined = joinLowerdir(request.lower.map(bytesOf), request.data.map(bytesOf));
      if (joined.length > FSCONFIG_STRING_LIMIT) {
        return `the lowerdir string is longer than the ${FSCONFIG_STRING_LIMIT} bytes that fsconfig takes`;
      }
      return upperObstacle(request);
    },
  },
  {
    name: 'mount(2)',
    via: 'mount',
    form: 'text',
    obstacle: (request) => {
      const size = mountData(request, request.lower).length;
      if (size <= MOUNT_DATA_LIMIT) return undefined;
      return `the option text has ${size} bytes, and mount(2) takes ${MOUNT_DATA_LIMIT}`;
    },
  },
  {
    name: 'mount(2) with /proc/self/fd',
    via: 'mount',
    form: 'numbers',
    // The numbers are known only when the layers are open: the text is measured again then.
    obstacle: () => undefined,
  },
];

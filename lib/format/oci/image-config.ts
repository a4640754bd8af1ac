// The config of an image: its platform, how its program is started, its layers uncompressed, how it was made.
//
// Source: the OCI image specification, config.md.
import { digestShape } from './digest.ts';
import {
  badDocument,
  exactly,
  flag,
  listOf,
  mapOf,
  object,
  parseDocument,
  type Shape,
  text,
} from './shape.ts';

/** How a container is started. Other members are kept. */
export interface RunConfig {
  readonly User?: string | null;
  /** `NAME=value`. */
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly WorkingDir?: string | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string | null;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
  readonly Volumes?: Readonly<Record<string, unknown>> | null;
}

export interface History {
  /** RFC 3339. */
  readonly created?: string | null;
  readonly created_by?: string | null;
  readonly author?: string | null;
  readonly comment?: string | null;
  /** A step that made no layer. */
  readonly empty_layer?: boolean | null;
}

/** Other members are kept. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string | null;
  /** RFC 3339. */
  readonly created?: string | null;
  readonly author?: string | null;
  readonly config?: RunConfig | null;
  /** Digests of the uncompressed layers, bottom first. */
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history?: readonly History[] | null;
}

const anything: Shape = () => {};
const texts = listOf(text);
const runConfig = object(
  {},
  {
    User: text,
    Env: texts,
    Entrypoint: texts,
    Cmd: texts,
    WorkingDir: text,
    Labels: mapOf(text),
    StopSignal: text,
    ExposedPorts: mapOf(anything),
    Volumes: mapOf(anything),
  },
);
const history = object(
  {},
  { created: text, created_by: text, author: text, comment: text, empty_layer: flag },
);
const shape = object(
  {
    architecture: text,
    os: text,
    rootfs: object({ type: exactly('layers'), diff_ids: listOf(digestShape) }),
  },
  { variant: text, created: text, author: text, config: runConfig, history: listOf(history) },
);

/**
 * @param layers how many layers the manifest has
 * @throws {FormatError} `ERR_OVERLAY_IMAGE_DOCUMENT`, `ERR_OVERLAY_IMAGE_DIGEST`
 */
export function parseConfig(bytes: Uint8Array, layers: number, name = 'the config'): ImageConfig {
  const document = parseDocument(bytes, name, shape) as ImageConfig;
  const { length } = document.rootfs.diff_ids;
  if (length !== layers)
    throw badDocument(`${name}.rootfs.diff_ids`, `has ${length} layers, and the manifest ${layers}`);
  return document;
}

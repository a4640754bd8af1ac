// The steps of a mount that refuse what the kernel lets pass although it comes to harm: layers that are in use elsewhere, an
// upper or work in a lower, notes of another kind in the upper. They name no culprit: that is looked for after they refused.
import { asksForIndex, dialectOf } from '../format/asked-options.ts';
import { formatOverlayXattr, VOLATILE_NOTE } from '../format/overlay-xattr.ts';
import { AT_EMPTY_PATH, STATX_INO } from '../kernel/constants.ts';
import { MAY_FAIL } from '../kernel/program.ts';
import type { Claims } from './claim.ts';
import { aboveDetached, detachedIdentities } from './detached-uppers.ts';
import type { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

/** What is known of the mount table, as lists of identities. */
export interface SeenUppers {
  readonly identities: Buffer;
  readonly partial: Buffer;
  readonly apart: Buffer;
  /** What a guard refused was looked at, and nothing was found. */
  readonly looked?: true;
}

const none = Buffer.alloc(0);

/** Steps that fail with ECANCELED when a guard refuses. */
export const GUARD_STEPS: readonly string[] = [
  'require_disjoint',
  'require_outside',
  'require_other_file',
  'require_absent',
];

// Upper and work may neither lie in a live upper nor in a directory that is a lower: gives what is above them, for that.
function addAbove(plan: Plan, request: MountRequest, claims: Claims, live: Buffer, partial: Buffer): number {
  const { upper, work, shareUpper, overlapLayers } = request;
  const first = plan.about(upper).add('ancestors', 0, claims.upper, none);
  const above = plan.about(work).add('ancestors', 0, claims.work, plan.program.bytesOf(first));
  const bytes = plan.program.bytesOf(above);
  if (!shareUpper && live.length > 0) plan.program.add('require_disjoint', 0, bytes, live);
  if (!overlapLayers && partial.length > 0) plan.program.add('require_disjoint', 0, bytes, partial);
  return above;
}

// Nor may they be what a live overlay reads, or lie around what it writes to.
function addApart(plan: Plan, request: MountRequest, claims: Claims, apart: Buffer): void {
  for (const [layer, fd] of [
    [request.upper, claims.upper],
    [request.work, claims.work],
  ] as const) {
    const own = plan.about(layer).add('statx', 0, fd, '', AT_EMPTY_PATH, STATX_INO);
    plan.program.add('require_other_file', 0, plan.program.bytesOf(own), apart);
  }
}

// Each with a NUL behind it. There can be 500, and nearly always all are strings.
function pathsOf(layers: readonly Layer[]): Buffer {
  let text = '';
  for (const { absolute } of layers) {
    if (typeof absolute === 'string') text += `${absolute}\0`;
    else if (absolute !== undefined) return pathBytesOf(layers);
  }
  return text === '' ? none : Buffer.from(text);
}

function pathBytesOf(layers: readonly Layer[]): Buffer {
  const given = layers.flatMap(({ absolute }) => (absolute === undefined ? [] : [absolute]));
  return Buffer.concat(given.flatMap((path) => [Buffer.from(path as Uint8Array), Buffer.from([0])]));
}

function addLowers(plan: Plan, request: MountRequest, above: number | undefined, around: Buffer): void {
  const layers = request.data.length === 0 ? request.lower : [...request.lower, ...request.data];
  const never = above === undefined ? none : plan.program.bytesOf(above);
  const paths = pathsOf(layers);
  if (paths.length > 0) plan.program.add('require_outside', 0, paths, never, around);
  for (const layer of layers) {
    if (layer.fd === undefined) continue;
    const own = plan.about(layer).add('statx', 0, layer.fd, '', AT_EMPTY_PATH, STATX_INO);
    plan.program.add('require_other_file', 0, plan.program.bytesOf(own), never);
    const chain = plan.about(layer).add('ancestors', 0, layer.fd, none);
    plan.program.add('require_disjoint', 0, plan.program.bytesOf(chain), around);
  }
}

/** What the notes of an overlay with userxattr begin with, and those of one without. */
const PREFIXES = { user: Buffer.from('user.overlay.'), trusted: Buffer.from('trusted.overlay.') };
const ORIGINS = { user: Buffer.from('user.overlay.origin'), trusted: Buffer.from('trusted.overlay.origin') };
const noteOf = (dialect: 'user' | 'trusted') =>
  Buffer.from(formatOverlayXattr({ dialect, level: 0, note: VOLATILE_NOTE }));
const VOLATILE = { user: noteOf('user'), trusted: noteOf('trusted') };

function addNotes(plan: Plan, request: MountRequest, claims: Claims): void {
  const { mixDialects, changeLower, trustVolatile, parameters, upper } = request;
  if (mixDialects && changeLower && trustVolatile) return;
  const mine = dialectOf(parameters);
  const list = plan.about(upper).add('listxattr', MAY_FAIL, claims.upper);
  const bytes = plan.program.bytesOf(list);
  if (!mixDialects) {
    plan.program.add('require_absent', 0, bytes, PREFIXES[mine === 'user' ? 'trusted' : 'user']);
  }
  // With an index the kernel compares it itself.
  if (!changeLower && !asksForIndex(parameters)) plan.program.add('require_absent', 0, bytes, ORIGINS[mine]);
  if (trustVolatile) return;
  plan.program.add('require_absent', 0, bytes, VOLATILE[mine]);
  // Of an upper that was used, and a work directory that was not, more has to be known.
  plan.unusedUpper = plan.program.add('require_absent', MAY_FAIL, bytes, PREFIXES[mine]);
}

function join(some: Buffer, more: readonly Buffer[]): Buffer {
  return more.length === 0 ? some : Buffer.concat([some, ...more]);
}

/** Adds the steps; `claims`: of a mount that is to be written to. */
export function addGuards(
  plan: Plan,
  request: MountRequest,
  claims: Claims | undefined,
  { identities, partial, apart, looked }: SeenUppers,
): void {
  const { shareUpper, shareLower, overlapLayers } = request;
  const live = join(identities, looked ? [] : detachedIdentities());
  const placed = claims !== undefined && !(shareUpper && overlapLayers);
  const above = placed ? addAbove(plan, request, claims, live, partial) : undefined;
  const away = claims === undefined || shareUpper || looked ? none : join(apart, aboveDetached());
  if (away.length > 0) addApart(plan, request, claims!, away);
  if (claims !== undefined) addNotes(plan, request, claims);
  const around = shareLower || live.length === 0 ? none : join(live, [partial]);
  const within = overlapLayers ? undefined : above;
  if (within !== undefined || around.length > 0) addLowers(plan, request, within, around);
}

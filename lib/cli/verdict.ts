// Whether this process can mount overlays, put together from the answers of features().
import type { Features } from '../index.ts';

export type Answer = Features['overlay'];

/** The answers for which an overlay had to be mounted. Where none can be, all of them are the same. */
const tried = [
  'detachedLayers',
  'layerKeys',
  'layerDescriptors',
  'pathDescriptors',
  'xattrWhiteouts',
  'dataOnly',
  'idmappedLowers',
  'index',
  'metacopy',
  'nfsExport',
  'redirectDir',
  'userxattr',
  'uuid',
  'verity',
  'volatile',
  'xino',
  'fsync',
  'overrideCreds',
] as const;

export type Tried = (typeof tried)[number];
export const TRIED: readonly Tried[] = tried;

export interface Verdict {
  /** `'namespace'`: not here, but in a user namespace of its own. */
  readonly canMount: boolean | 'namespace';
  readonly sentence: string;
  /** What stood in the way. */
  readonly reason?: string;
  /** What to do; absent when nothing is to be done. */
  readonly remedy?: string | undefined;
}

export function judge(features: Features): Verdict {
  if (TRIED.some((name) => features[name].available === true))
    return { canMount: true, sentence: 'This process can mount overlays.' };
  const { reason, remedy } = features.layerKeys;
  const { userNamespaces, overlay } = features;
  if (overlay.available !== false && userNamespaces.available === true)
    return {
      canMount: 'namespace',
      sentence: 'This process cannot mount overlays, but it can in a user namespace of its own.',
      reason,
      remedy: 'Start it there: unshare --user --map-root-user --mount COMMAND (and mount with userxattr)',
    };
  return { canMount: false, sentence: 'This process cannot mount overlays.', reason, remedy };
}

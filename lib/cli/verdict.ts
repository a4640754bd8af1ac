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
  /** `'rootless'`: detached ones alone. `'namespace'`: not this process, but one in a user namespace of its own. */
  readonly canMount: boolean | 'rootless' | 'namespace';
  readonly sentence: string;
  /** What stood in the way. */
  readonly reason?: string;
  /** What to do; absent when nothing is to be done. */
  readonly remedy?: string | undefined;
}

/** Whether this process itself can mount overlays of some kind. */
export function isAble({ canMount }: Verdict): boolean {
  return canMount === true || canMount === 'rootless';
}

/** Whether a process that this one starts can mount in a user namespace of its own. */
export function canStartThere({ userNamespaces, overlay }: Features): boolean {
  return overlay.available !== false && userNamespaces.available === true;
}

const THERE =
  'start it in a user namespace: unshare --user --map-root-user --mount COMMAND (and mount with userxattr)';

export function judge(features: Features): Verdict {
  if (TRIED.some((name) => features[name].available === true))
    return { canMount: true, sentence: 'This process can mount overlays.' };
  const { reason, remedy } = features.layerKeys;
  const there = canStartThere(features);
  if (features.rootless.available === true)
    return {
      canMount: 'rootless',
      sentence:
        "This process can mount overlays that are attached nowhere: by scratch, or with rootless: 'auto'.",
      reason: `others it cannot mount: ${reason}`,
      remedy: there ? `For others, ${THERE}` : remedy,
    };
  const sentence = 'This process cannot mount overlays.';
  if (!there) return { canMount: false, sentence, reason, remedy };
  return {
    canMount: 'namespace',
    sentence: 'This process cannot mount overlays, but one in a user namespace of its own can.',
    reason: `${reason}; without root: ${features.rootless.reason}`,
    remedy: `S${THERE.slice(1)}`,
  };
}

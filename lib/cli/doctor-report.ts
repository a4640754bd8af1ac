// How the answers of features() look to people: what can be had, why not, and what would help.
import type { Features } from '../index.ts';
import { printable } from './printable.ts';
import type { Style, Terminal } from './terminal.ts';
import { type Answer, isAble, judge, TRIED, type Tried } from './verdict.ts';

type Painter = Pick<Terminal, 'paint'>;
type Rows = readonly (readonly [label: string, answer: Answer])[];

const LABELS: Readonly<Record<Tried, string>> = {
  detachedLayers: 'layers that are mounted nowhere',
  layerKeys: 'layers one by one (lowerdir+)',
  layerDescriptors: 'layers as descriptors',
  pathDescriptors: 'layers as O_PATH descriptors',
  xattrWhiteouts: 'whiteouts as attributes',
  dataOnly: 'data-only layers',
  idmappedLowers: 'idmapped lowers',
  index: 'index',
  metacopy: 'metacopy',
  nfsExport: 'nfs_export',
  redirectDir: 'redirect_dir',
  userxattr: 'userxattr',
  uuid: 'uuid',
  verity: 'verity',
  volatile: 'volatile',
  xino: 'xino',
  fsync: 'fsync',
  overrideCreds: 'override_creds',
};
const LAYERS = 7;

const WIDTH = Math.max(...Object.values(LABELS).map((label) => label.length));
const WORDS = { true: 'yes', false: 'no ', unknown: '?  ' } as const;
const COLOURS: Readonly<Record<string, Style>> = { true: 'green', false: 'red', unknown: 'yellow' };

function rowText(label: string, { available, reason }: Answer, { paint }: Painter): string {
  const mark = paint(WORDS[`${available}`], COLOURS[`${available}`]!);
  return `  ${mark}  ${label.padEnd(WIDTH)}  ${paint(printable(reason), 'dim')}`;
}

/** A remedy that several rows in a row have stands below the last of them. */
function section(title: string, rows: Rows, painter: Painter): string[] {
  const lines = rows.flatMap(([label, answer], i) => {
    const { remedy } = answer;
    const row = rowText(label, answer, painter);
    if (remedy === undefined || rows[i + 1]?.[1].remedy === remedy) return [row];
    return [row, `       ${painter.paint('→', 'cyan')} ${printable(remedy)}`];
  });
  return ['', painter.paint(title, 'bold'), ...lines];
}

/** Where no overlay could be mounted, one row says it for all. */
function triedRows(features: Features, names: readonly Tried[], barred: boolean): Rows {
  const rows = names.map((name) => [LABELS[name], features[name]] as const);
  return barred ? [['all of them', rows[0]![1]]] : rows;
}

function directoryText(features: Features, name: string, painter: Painter): string[] {
  const { directory } = features;
  if (directory === undefined) return [];
  const { filesystem, stackDepth } = directory;
  const free = `${(filesystem.freeBytes / 2 ** 30).toFixed(1)} GiB free`;
  const inodes = filesystem.freeInodes === undefined ? '' : `, ${filesystem.freeInodes} inodes free`;
  const rows: Rows = [
    ['usable as lower', directory.usableAsLower],
    ['usable as upper', directory.usableAsUpper],
    ['writable', directory.writable],
    ['types in listings (d_type)', directory.dType],
    ['trusted.overlay.* attributes', directory.trustedXattr],
    ['user.overlay.* attributes', directory.userXattr],
    ['RENAME_WHITEOUT', directory.renameWhiteout],
    ['O_TMPFILE', directory.tmpfile],
    ['file handles', directory.fileHandles],
  ];
  return [
    ...section(`The directory ${printable(name)}`, rows, painter),
    `       ${filesystem.type ?? `filesystem 0x${filesystem.magic.toString(16)}`}${filesystem.readOnly ? ', read-only' : ''}, ${free}${inodes}`,
    `       overlays that can still be stacked on it: ${stackDepth.left} (${printable(stackDepth.reason)})`,
  ];
}

/** The lines, without colours where the painter adds none. `directory`: how the user named it. */
export function reportText(features: Features, directory: string, painter: Painter): string[] {
  const { caller, systemCalls, parameters } = features;
  const { paint } = painter;
  const verdict = judge(features);
  const missing = Object.entries(systemCalls).filter(([, { available }]) => available !== true);
  const defaults = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const barred = verdict.canMount !== true;
  return [
    paint(verdict.sentence, 'bold', isAble(verdict) ? 'green' : 'red'),
    ...(verdict.reason === undefined ? [] : [`  why: ${printable(verdict.reason)}`]),
    ...(verdict.remedy === undefined ? [] : [`  ${paint('→', 'cyan')} ${printable(verdict.remedy)}`]),
    '',
    `uid ${caller.uid}, ${caller.capSysAdmin ? 'with' : 'without'} CAP_SYS_ADMIN, in ${
      caller.initialUserNamespace ? 'the initial user namespace' : 'a user namespace'
    }`,
    ...section(
      'The kernel',
      [
        ['overlay driver', features.overlay],
        ['user namespaces', features.userNamespaces],
        ['mounts without root', features.rootless],
        ['new mount API', features.newMountApi],
        ...missing,
      ],
      painter,
    ),
    ...section('Layers', triedRows(features, TRIED.slice(0, LAYERS), barred), painter),
    ...section('Options', triedRows(features, TRIED.slice(LAYERS), barred), painter),
    ...(defaults.length === 0
      ? []
      : [`       ${paint(`the kernel's defaults: ${defaults.join(' ')}`, 'dim')}`]),
    ...directoryText(features, directory, painter),
  ];
}

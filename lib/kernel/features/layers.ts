// In which forms this kernel takes layers, and what it finds in them: each tried on the scratch place.
import { FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, S_IFREG } from '../constants.ts';
import { ENOENT } from '../errno.ts';
import { LOG, MAY_FAIL, Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import { type FeatureAnswer, no, tried } from './answer.ts';
import type { Dialect } from './dialect.ts';
import type { Place } from './place.ts';
import { addTrial, type KernelOption } from './trial.ts';

const layerNames = ['lower', 'bottom'];

/** An overlay of the scratch place's lowers, handed over one by one in the given way. */
function* mountLayers(
  addLayer: (program: Program, context: number, name: string) => void,
  seen: string,
): Routine<string> {
  const program = new Program();
  const context = program.add('fsopen', LOG, 'overlay', FSOPEN_CLOEXEC);
  for (const name of layerNames) addLayer(program, context, name);
  program.add('fsconfig_create', 0, context);
  const root = program.add('fsmount', 0, context, FSMOUNT_CLOEXEC, 0);
  program.add('openat', 0, root, 'file', O_PATH, 0);
  yield* program.run();
  return seen;
}

function descriptors(place: Place, flags: number, seen: string): Routine<string> {
  const add = (program: Program, context: number, name: string) => {
    const layer = program.add('openat', 0, place.fd, name, flags | O_DIRECTORY, 0);
    program.add('fsconfig_set_fd', 0, context, 'lowerdir+', layer);
  };
  return mountLayers(add, seen);
}

const text = (value: string): Uint8Array => Buffer.from(value);

function addFile(program: Program, place: Place, path: string): number {
  program.add('mknodat', 0, place.fd, path, S_IFREG | 0o644, 0);
  return program.add('openat', 0, place.fd, path, O_PATH, 0);
}

/** A name is deleted in the xattr form in one lower and lives in the one below: is it gone from the overlay? */
function* xattrWhiteouts(place: Place, dialect: Dialect): Routine<FeatureAnswer> {
  const [top, below] = [place.fresh('whiteouts'), place.fresh('below')];
  const program = new Program();
  for (const dir of [top, `${top}/dir`, below, `${below}/dir`])
    program.add('mkdirat', 0, place.fd, dir, 0o755);
  const marked = program.add('openat', 0, place.fd, `${top}/dir`, O_PATH, 0);
  program.add('setxattr', 0, marked, `${dialect.prefix}opaque`, text('x'), 0);
  const whiteout = addFile(program, place, `${top}/dir/gone`);
  program.add('setxattr', 0, whiteout, `${dialect.prefix}whiteout`, text('y'), 0);
  addFile(program, place, `${below}/dir/gone`);
  addFile(program, place, `${below}/dir/kept`);
  const lower = `${place.path}/${top}:${place.path}/${below}`;
  const { root } = addTrial(program, place, { lower, upper: false, options: dialect.options });
  program.add('openat', 0, root, 'dir/kept', O_PATH, 0);
  const gone = program.add('openat', MAY_FAIL, root, 'dir/gone', O_PATH, 0);
  const answer = yield* tried(
    (function* () {
      yield* program.run();
      return 'a name deleted in this form is gone from the overlay';
    })(),
    '6.7',
  );
  if (answer.available !== true || program.value(gone) === -ENOENT) return answer;
  return no('a name deleted in this form is still seen through the overlay', 'Use Linux 6.7 or later.');
}

/** A file whose data is in a data-only layer opens, and the data's own name does not show. */
function* dataOnly(place: Place, dialect: Dialect): Routine<string> {
  const [top, data] = [place.fresh('pointers'), place.fresh('data')];
  const program = new Program();
  for (const dir of [top, data]) program.add('mkdirat', 0, place.fd, dir, 0o755);
  const pointer = addFile(program, place, `${top}/file`);
  program.add('setxattr', 0, pointer, `${dialect.prefix}metacopy`, text(''), 0);
  program.add('setxattr', 0, pointer, `${dialect.prefix}redirect`, text('/content'), 0);
  addFile(program, place, `${data}/content`);
  // Before 6.16 data-only layers are refused without metacopy, which userxattr excludes.
  const metacopy: readonly KernelOption[] = dialect.options.length === 0 ? [['metacopy', 'on']] : [];
  const { root } = addTrial(program, place, {
    lower: `${place.path}/${top}::${place.path}/${data}`,
    upper: false,
    options: [...dialect.options, ...metacopy],
  });
  program.add('openat', 0, root, 'file', O_RDONLY, 0);
  yield* program.run();
  return 'a file whose data lies in a data-only layer opens through the overlay';
}

export interface LayerAnswers {
  /** Layers one by one with `lowerdir+`. */
  readonly layerKeys: FeatureAnswer;
  /** Layers as descriptors of open directories (FSCONFIG_SET_FD). */
  readonly layerDescriptors: FeatureAnswer;
  /** The same with O_PATH descriptors. */
  readonly pathDescriptors: FeatureAnswer;
  /** "This name is deleted" as an attribute, where no device file may be made. */
  readonly xattrWhiteouts: FeatureAnswer;
  /** Lower layers whose names do not show and whose data metacopy files use. */
  readonly dataOnly: FeatureAnswer;
}

export const layerAnswerNames: readonly (keyof LayerAnswers)[] = [
  'layerKeys',
  'layerDescriptors',
  'pathDescriptors',
  'xattrWhiteouts',
  'dataOnly',
];

/** Source: Documentation/filesystems/overlayfs.rst. */
export function* probeLayers(place: Place, dialect: Dialect): Routine<LayerAnswers> {
  const keys = (program: Program, context: number, name: string) =>
    void program.add('fsconfig_set_string', 0, context, 'lowerdir+', `${place.path}/${name}`);
  return {
    layerKeys: yield* tried(mountLayers(keys, 'an overlay of two lowerdir+ shows their files'), '6.8'),
    layerDescriptors: yield* tried(
      descriptors(place, O_RDONLY, 'an overlay of two descriptors shows their files'),
      '6.13',
    ),
    pathDescriptors: yield* tried(
      descriptors(place, O_PATH, 'an overlay of two O_PATH descriptors shows their files'),
      '6.15',
    ),
    xattrWhiteouts: yield* xattrWhiteouts(place, dialect),
    dataOnly: yield* tried(dataOnly(place, dialect), dialect.options.length === 0 ? '6.5' : '6.16'),
  };
}

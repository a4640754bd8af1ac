// Runs the compiled probe in a process of its own and gives back what it found.
import type { Features } from '../../../lib/kernel/features/features.ts';
import { fakeErrnoProgram, runFaked } from '../../support/fake-errno.ts';
import { asNobody, type NodeOptions, printedJson, runNode } from '../../support/node-process.ts';

function script(form: 'features' | 'featuresSync', dir?: string): string {
  return (
    `import { ${form} } from './dist/index.js';\n` +
    `console.log(JSON.stringify(await ${form}(${dir === undefined ? '' : JSON.stringify(dir)})));`
  );
}

interface ProbeOptions extends Omit<NodeOptions, 'under' | 'uid'> {
  dir?: string;
  form?: 'features' | 'featuresSync';
}

/** On a kernel whose system calls fail by the rules of fake-errno. */
export function probeFaked(rules: readonly string[], { dir, form, ...options }: ProbeOptions = {}): Features {
  return printedJson(runFaked(rules, script(form ?? 'features', dir), options));
}

/** As an ordinary user, whose system calls may fail by rules too. */
export function probeAsNobody({
  dir,
  form,
  rules,
  ...options
}: ProbeOptions & { rules?: readonly string[] } = {}): Features {
  const under = rules === undefined ? {} : { under: [fakeErrnoProgram(), ...rules, '--'] };
  return printedJson(asNobody(script(form ?? 'features', dir), { ...options, ...under }));
}

/** Under a program, such as unshare(1). */
export function probeUnder(under: readonly string[], { dir, form, ...options }: ProbeOptions = {}): Features {
  return printedJson(runNode(script(form ?? 'features', dir), { ...options, under }));
}

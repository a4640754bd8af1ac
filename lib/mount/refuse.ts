// Refusing an argument before any system call: what was wrong with it, and what would be right.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { placeOf, type Subject } from '../diagnosis/subject.ts';
import type { OptionProblem } from '../format/options.ts';

export function refuse(code: string, subject: Subject, sentence: string, hint: string): never {
  throw new OverlayError([{ code, sentence, hint, ...placeOf(subject) }]);
}

export function wrongType(option: string, expected: string, got: unknown, index?: number): never {
  const kind = got === null ? 'null' : Array.isArray(got) ? 'an array' : typeof got;
  return refuse(
    'ERR_OVERLAY_INVALID_TYPE',
    { option, index },
    `${option}${index === undefined ? '' : `[${index}]`} must be ${expected}, and is ${kind}`,
    `pass ${expected}`,
  );
}

const PROBLEM_CODES: Readonly<Record<OptionProblem['kind'], string>> = {
  unknown: 'ERR_OVERLAY_UNKNOWN_OPTION',
  type: 'ERR_OVERLAY_INVALID_TYPE',
  value: 'ERR_OVERLAY_INVALID_VALUE',
  conflict: 'ERR_OVERLAY_OPTION_CONFLICT',
  useless: 'ERR_OVERLAY_USELESS_OPTION',
};

/** Throws the error for what a check of options or attributes found, if anything. */
export function refuseProblem(problem: OptionProblem | undefined): void {
  if (problem === undefined) return;
  const { kind, option, sentence, hint } = problem;
  refuse(PROBLEM_CODES[kind], { option }, sentence, hint);
}

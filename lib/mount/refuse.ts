// Refusing an argument before any system call: what was wrong with it, and what would be right.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { placeOf, type Subject } from '../diagnosis/subject.ts';

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

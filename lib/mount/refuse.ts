// Refusing an argument before any system call: what was wrong with it, and what would be right.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { placeOf, type Subject } from '../diagnosis/subject.ts';

export { wrongType } from '../format/given.ts';

export function refuse(code: string, subject: Subject, sentence: string, hint: string): never {
  throw new OverlayError([{ code, sentence, hint, ...placeOf(subject) }]);
}

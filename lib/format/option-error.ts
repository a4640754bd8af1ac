// The error for what a check of options or attributes found.
import type { OptionProblem } from './check-options.ts';
import { OverlayError } from './overlay-error.ts';

const PROBLEM_CODES: Readonly<Record<OptionProblem['kind'], string>> = {
  unknown: 'ERR_OVERLAY_UNKNOWN_OPTION',
  type: 'ERR_OVERLAY_INVALID_TYPE',
  value: 'ERR_OVERLAY_INVALID_VALUE',
  conflict: 'ERR_OVERLAY_OPTION_CONFLICT',
  useless: 'ERR_OVERLAY_USELESS_OPTION',
};

export function optionError({ kind, option, sentence, hint }: OptionProblem): OverlayError {
  return new OverlayError([{ code: PROBLEM_CODES[kind], sentence, hint, option }]);
}

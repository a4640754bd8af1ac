// All rules of the diagnosis, in the order in which the kernel meets what they are about.
import { CALLER_RULES } from './caller-rules.ts';
import type { Rule } from './rule.ts';
import { STACK_RULES } from './stack-rules.ts';
import { UPPER_RULES } from './upper-rules.ts';

export { STACK_RULES, UPPER_RULES };
export const RULES: readonly Rule[] = [...CALLER_RULES, ...UPPER_RULES, ...STACK_RULES];

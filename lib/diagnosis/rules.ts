// All rules of the diagnosis, in the order in which the kernel meets what they are about.
import { CALLER_RULES } from './caller-rules.ts';
import { LOWER_CLONE_RULES, UPPER_CLONE_RULES } from './clone-rules.ts';
import { LAYER_RULES } from './layer-rules.ts';
import { LIMIT_RULES } from './limit-rules.ts';
import { MEMORY_RULES } from './memory-rules.ts';
import { OPTION_RULES } from './option-rules.ts';
import type { Rule } from './rule.ts';
import { OVERLAP_RULES, STACK_RULES } from './stack-rules.ts';
import { TARGET_RULES } from './target-rules.ts';
import { PAIR_RULES, UPPER_RULES } from './upper-rules.ts';
import { DROPPED_RULES, OWN_WORK_RULES, READ_ONLY_RULES } from './work-rules.ts';

export const RULES: readonly Rule[] = [
  ...CALLER_RULES,
  ...OPTION_RULES,
  ...OWN_WORK_RULES,
  ...LAYER_RULES,
  ...UPPER_RULES,
  ...UPPER_CLONE_RULES,
  ...PAIR_RULES,
  ...STACK_RULES,
  ...LOWER_CLONE_RULES,
  ...MEMORY_RULES,
  ...OVERLAP_RULES,
  ...LIMIT_RULES,
  ...TARGET_RULES,
  ...READ_ONLY_RULES,
  ...DROPPED_RULES,
];

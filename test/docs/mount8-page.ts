// The page docs/mount8.md: what mount(8) says of each condition, beside what this package says.
import { cell, mount8Cell, type Recorded } from './words.ts';

export function mount8Page({ system, rows }: Recorded): string {
  const lines = rows.map(
    ({ condition, mount8, sentence, hint, code }) =>
      `| ${cell(condition)} | ${mount8Cell(mount8)} | ${cell(sentence)} — ${cell(hint)} (\`${code}\`) |`,
  );
  return `# What mount(8) says, and what we say

<!-- Made by \`npm run docs\`. -->

Both of the same directories and options, from a run on ${system}. What [errors.md](errors.md) lists by code is here by condition.

| condition | mount(8) | overlayfs |
| --- | --- | --- |
${lines.join('\n')}
`;
}

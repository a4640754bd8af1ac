// Figures from samples, and figures as a table that people can read.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// The median of the ratios block by block: neighbours in time share the machine's mood,
// so a slow minute spoils both sides of a ratio and not one.
export function ratio(above, below) {
  if (!above || !below) return undefined;
  return median(above.map((block, i) => median(block) / median(below[i])));
}

export const microseconds = (blocks) => blocks && median(blocks.flat()) / 1000;

// Prints rows of cells; the first column is text, the others are numbers or absent.
export function printTable(title, head, rows, digits) {
  const cells = rows.map(([name, ...values]) => [
    name,
    ...values.map((value, i) => (value === undefined ? '–' : value.toFixed(digits[i]))),
  ]);
  const widths = head.map((text, i) => Math.max(text.length, ...cells.map((row) => row[i].length)));
  const line = (row) =>
    row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ');
  console.log(`\n${title}\n${line(head)}\n${widths.map((width) => '─'.repeat(width)).join('  ')}`);
  for (const row of cells) console.log(line(row));
}

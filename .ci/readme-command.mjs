// Prints the command of the README: the first fenced block after `<!-- NAME -->`, without shell prompts.
import { readFileSync } from 'node:fs';

const [file, name] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');
const marker = `<!-- ${name} -->`;
const at = text.indexOf(marker);
if (at < 0) fail(`no ${marker} in ${file}`);
const block = /^\s*(`{3,}|~{3,})[^\n]*\n([\s\S]*?)\n\1[ \t]*$/m.exec(text.slice(at + marker.length));
if (block?.index !== 0) fail(`no fenced block follows ${marker} in ${file}`);
process.stdout.write(`${block[2].replace(/^\$ /gm, '')}\n`);

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

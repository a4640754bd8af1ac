// Path patterns: which paths of a tree are meant.

const SPECIAL = /[\\^$.*+?()[\]{}|/]/g;

/**
 * A pattern as a regular expression. `*` and `?` stand for what is in one name, `**` for names and slashes too, `[a-z]` and
 * `[!a-z]` for one character, `\` takes the next character as it is. Source: glob(7).
 */
export function patternToRegExp(pattern: string): RegExp {
  const trimmed = pattern.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '');
  if (trimmed === '' || trimmed === '.') return /^/su;
  let source = '';
  for (let rest = trimmed; rest !== ''; ) {
    const [part, meaning] = nextPart(rest);
    source += meaning;
    rest = rest.slice(part.length);
  }
  // Whatever is in a directory belongs to it.
  return new RegExp(`^${source}(?:/|$)`, 'su');
}

const PARTS: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
  [/^\*\*\//, () => '(?:[^/]+/)*'],
  [/^\*\*/, () => '.*'],
  [/^\*/, () => '[^/]*'],
  [/^\?/, () => '[^/]'],
  [/^\\(.)/su, ([, one]) => quoted(one!)],
  [/^\[(!?)(\]?[^\]]*)\]/u, ([, not, set]) => `(?!/)[${not === '' ? '' : '^'}${setOf(set!)}]`],
  [/^./su, ([one]) => quoted(one)],
];

const quoted = (one: string) => one.replace(SPECIAL, '\\$&');

// A minus between two characters is a range, and stands for itself at an end.
function setOf(set: string): string {
  const inside = set.replace(
    /[\\^[\]{}()|/&~!#%,:;<=>@`$*+.?"']/g,
    (one) => `\\x${one.charCodeAt(0).toString(16)}`,
  );
  return inside.replace(/^-|-$/g, '\\-');
}

function nextPart(rest: string): readonly [string, string] {
  for (const [form, meaning] of PARTS) {
    const found = form.exec(rest);
    if (found !== null) return [found[0], meaning(found)];
  }
  return [rest[0]!, quoted(rest[0]!)];
}

/** Whether one of the patterns means the path; no patterns mean all. Bytes that are no UTF-8 are one character each. */
export function matcherOf(patterns: readonly string[] | undefined): (path: string | Uint8Array) => boolean {
  if (patterns === undefined) return () => true;
  const forms = patterns.map(patternToRegExp);
  return (path) => {
    const text = typeof path === 'string' ? path : Buffer.from(path).toString('latin1');
    return forms.some((form) => form.test(text));
  };
}

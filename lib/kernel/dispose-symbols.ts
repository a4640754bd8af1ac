// Symbol.dispose and Symbol.asyncDispose for realms without them: Node before 24 gives them to its first realm alone, and
// not to contexts of node:vm, in which some test runners run everything.

/** Node's own, so that what Node makes (an fs.FileHandle) is disposable there too. */
function ofNode(prototype: object, description: RegExp): symbol | undefined {
  const symbols = Object.getOwnPropertySymbols(prototype);
  return symbols.find((symbol) => description.test(symbol.description ?? ''));
}

function define(name: 'dispose' | 'asyncDispose', own: symbol | undefined): void {
  // What compilers of `using` look for where there is none.
  const value = own ?? Symbol.for(`Symbol.${name}`);
  Object.defineProperty(Symbol, name, { value });
}

if ((Symbol.asyncDispose as symbol | undefined) === undefined) {
  const { Readable } = process.getBuiltinModule('node:stream');
  define('asyncDispose', ofNode(Readable.prototype, /\basyncDispose$/i));
}
if ((Symbol.dispose as symbol | undefined) === undefined) {
  const { setImmediate } = process.getBuiltinModule('node:timers');
  const immediate = setImmediate(() => {});
  clearImmediate(immediate);
  define('dispose', ofNode(Object.getPrototypeOf(immediate), /\bdispose$/i));
}

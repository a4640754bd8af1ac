// The types of prebuild-rules.mjs, for the tests.
export type Architecture = 'x64' | 'arm64' | 'arm' | 'riscv64' | 'ppc64' | 's390x';
export declare const sizeLimit: number;
export declare const targets: Readonly<Record<Architecture, unknown>>;
export declare function problemsOf(
  arch: Architecture,
  bytes: Uint8Array,
  digest: string,
  sums: string,
): string[];

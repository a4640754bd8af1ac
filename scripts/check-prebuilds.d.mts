// The types of check-prebuilds.mjs, for the tests.
export declare function checkPrebuilds(root: string): string[];

// Lists of identities (inode and device, 16 bytes each) as the guards' native checks compare them.

const none = Buffer.alloc(0);

/** Of a file, in bytes. */
export const IDENTITY_SIZE = 16;

/** Each stands in it once, however often it is added. */
export class IdentityList {
  readonly #known = new Set<string>();
  list: Buffer = none;

  /** @param identities 16 bytes each */
  add(identities: Buffer): void {
    const more: Buffer[] = [];
    for (let at = 0; at < identities.length; at += IDENTITY_SIZE) {
      const name = identities.toString('latin1', at, at + IDENTITY_SIZE);
      if (this.#known.has(name)) continue;
      this.#known.add(name);
      more.push(identities.subarray(at, at + IDENTITY_SIZE));
    }
    if (more.length > 0) this.list = Buffer.concat([this.list, ...more]);
  }
}

// The words of btrfs's structures: in the byte order of the host between kernel and programs, little-endian on the disk.
import { HOST_IS_LITTLE_ENDIAN } from '../statmount.ts';

/** A structure of the kernel's interface (linux/btrfs.h). */
export class Words {
  readonly bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Uint8Array | number) {
    this.bytes =
      typeof bytes === 'number'
        ? Buffer.alloc(bytes)
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, HOST_IS_LITTLE_ENDIAN);
  }

  u64(offset: number): bigint {
    return this.#view.getBigUint64(offset, HOST_IS_LITTLE_ENDIAN);
  }

  set32(offset: number, value: number): this {
    this.#view.setUint32(offset, value, HOST_IS_LITTLE_ENDIAN);
    return this;
  }

  set64(offset: number, value: bigint | number): this {
    this.#view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), HOST_IS_LITTLE_ENDIAN);
    return this;
  }

  /** Text that ends with a NUL, as bytes. */
  text(offset: number): Buffer {
    return this.bytes.subarray(offset, this.bytes.indexOf(0, offset));
  }
}

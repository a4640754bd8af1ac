// What the register says of an error code.

export interface CodeRow {
  /** What is the case when it is thrown. */
  readonly meaning: string;
  /** What to do about it in general; the `hint` of an error says it for the case at hand. */
  readonly remedy: string;
  /** What is seen of it without this package, where no run of mount(8) can show that. */
  readonly seen?: string;
}

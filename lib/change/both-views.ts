// The merged view with the upper and the one without it, asked entry by entry.
import { OverlayError, shown } from '../format/overlay-error.ts';
import { runAsync } from '../kernel/routine.ts';
import type { Change } from '../layer/change.ts';
import { sameBytes } from '../layer/compare-content.ts';
import type { MergedEntry } from '../layer/merged-entry.ts';
import { openStack, type Stack } from '../layer/stack.ts';
import type { StackSpec } from '../layer/stack-spec.ts';
import { keyOf, pathOf } from './entry-key.ts';

export class BothViews implements AsyncDisposable {
  readonly after: Stack;
  readonly before: Stack;

  private constructor(after: Stack, before: Stack) {
    this.after = after;
    this.before = before;
  }

  static async open(spec: StackSpec): Promise<BothViews> {
    const { lower, data, options } = spec;
    const after = await openStack(spec);
    try {
      const lowers = { lower, ...(data && { data }), ...(options && { options }) };
      return new BothViews(after, await openStack(lowers));
    } catch (error) {
      await after.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.after.close(), this.before.close()]);
  }

  /** All changes; what cannot be read ends it. @throws {OverlayError} */
  async changes(): Promise<Change[]> {
    const changes: Change[] = [];
    for await (const change of this.after.changes()) {
      if (change.error !== undefined) throw change.error;
      changes.push(change);
    }
    return changes;
  }

  /** @throws {OverlayError} ERR_OVERLAY_VANISHED when it is not there any more */
  async now(path: string): Promise<MergedEntry> {
    const { entry, error } = await this.after.lookup(asLookedUp(path));
    if (error !== undefined) throw error;
    if (entry !== undefined) return entry;
    const text = shown(pathOf(path));
    const sentence = `${text} has vanished from the upper since the changes were listed`;
    const hint = 'apply changes while nobody writes to the overlay';
    throw new OverlayError([{ code: 'ERR_OVERLAY_VANISHED', sentence, hint, path: text }]);
  }

  async was(place: string): Promise<MergedEntry | undefined> {
    return (await this.before.lookup(asLookedUp(place))).entry;
  }

  /** Whether a file of the upper has the bytes that the lowers have at `place`: size and time do not tell. */
  async isSameFile(path: string, place: string): Promise<boolean> {
    const now = await this.now(path);
    if (now.content !== undefined || now.dataPath !== undefined) return true;
    if ((await this.was(place))?.size !== now.size) return false;
    await using a = await this.after.open(asLookedUp(path));
    await using b = await this.before.open(asLookedUp(place));
    return await runAsync(sameBytes(a.fd, b.fd));
  }

  /** What is below a directory in the merged view. */
  async *below(path: string): AsyncGenerator<MergedEntry> {
    for await (const entry of this.after.walk(asLookedUp(path))) {
      if (entry.error !== undefined) throw entry.error;
      if (keyOf(entry.path) !== path) yield entry;
    }
  }
}

const asLookedUp = (key: string) => Buffer.from(key === '' ? '.' : key, 'latin1');

// A question to whoever sits at the terminal.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** The answer, without its newline; undefined where there is no terminal, or nobody answers. */
export async function question(text: string): Promise<string | undefined> {
  let fd: number;
  try {
    // Not stdin, which may be the command's data.
    fd = openSync('/dev/tty', 'r+');
  } catch {
    return undefined;
  }
  try {
    writeSync(fd, text);
    const room = Buffer.alloc(4096);
    const got = readSync(fd, room);
    return got === 0 ? undefined : room.toString('utf8', 0, got).replace(/\n.*$/s, '');
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

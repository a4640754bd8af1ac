// A question to whoever sits at the terminal.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** The answer, without its newline, empty at the end of input; undefined where there is no terminal. */
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
    // Ctrl-D leaves the cursor where it is.
    if (got === 0) writeSync(fd, '\n');
    return room.toString('utf8', 0, got).replace(/\n.*$/s, '');
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

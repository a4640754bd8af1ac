// Who asks: the user, the capability that mounting needs, and whether this is the initial user namespace.
import { readFiles } from '../files.ts';
import type { Routine } from '../routine.ts';

const CAP_SYS_ADMIN = 21n;

export interface Caller {
  /** Effective user id. */
  readonly uid: number;
  /** CAP_SYS_ADMIN is in the effective set; undefined when /proc does not tell. Source: capabilities(7). */
  readonly capSysAdmin: boolean | undefined;
  /** Whether the user namespace maps every id to itself; only there are `trusted.*` attributes to be had. */
  readonly initialUserNamespace: boolean | undefined;
}

/** Whether `CapEff:` of /proc/self/status holds CAP_SYS_ADMIN. */
export function hasSysAdmin(status: string): boolean | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined ? undefined : ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** Whether a uid_map is that of the initial user namespace: `0 0 4294967295`. Source: user_namespaces(7). */
export function isWholeMap(uidMap: string): boolean {
  return uidMap.trim().split(/\s+/).join(' ') === '0 0 4294967295';
}

/** Where it is told, in the order of {@link callerIn}. */
export const CALLER_FILES = ['/proc/self/status', '/proc/self/uid_map'] as const;

/** The caller in the texts of those files. */
export function callerIn(status: Buffer | undefined, uidMap: Buffer | undefined): Caller {
  return {
    uid: process.geteuid!(),
    capSysAdmin: status && hasSysAdmin(status.toString()),
    initialUserNamespace: uidMap && isWholeMap(uidMap.toString()),
  };
}

export function* readCaller(): Routine<Caller> {
  const [status, uidMap] = yield* readFiles(CALLER_FILES);
  return callerIn(status, uidMap);
}

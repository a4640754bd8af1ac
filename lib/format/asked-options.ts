// What the parameters of a mount ask for, where several of them say it.
import type { Parameter } from './options.ts';

/** In which namespace of attributes the mount keeps its notes. */
export function dialectOf(parameters: readonly Parameter[]): 'user' | 'trusted' {
  return parameters.some(({ key }) => key === 'userxattr') ? 'user' : 'trusted';
}

/** Whether the options ask for an index; undefined when that is left to the module's default. */
export function asksForIndex(parameters: readonly Parameter[]): boolean | undefined {
  const index = parameters.findLast(({ key }) => key === 'index')?.value;
  if (index !== undefined) return index === 'on';
  return parameters.some(({ key, value }) => key === 'nfs_export' && value === 'on') || undefined;
}

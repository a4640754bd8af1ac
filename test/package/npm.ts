// Runs npm without a network and without the settings of whoever runs the tests.
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { which } from '../support/command.ts';
import { missing } from '../support/requirement.ts';
import { runDirectory } from '../support/run-directory.ts';

/** Runs `npm …` in a directory and returns what it printed. `path` is all that the command can find programs in. */
export function npm(cwd: string, args: readonly string[], path = process.env.PATH): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [npmProgram(), ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...withoutNpm(process.env), ...settings(), PATH: path },
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: exit ${status}\n${stderr}${stdout}`);
  return stdout;
}

/** The script that `npm` is a link to: run by this Node, whatever the PATH has. */
function npmProgram(): string {
  const program = which('npm');
  if (program === undefined) return missing('there is no npm');
  return realpathSync(program);
}

/** The variables without those that npm itself sets for its scripts, and reads. */
export function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_/i.test(name)));
}

function settings(): Record<string, string> {
  const own = join(runDirectory(), 'npm');
  return {
    HOME: own,
    npm_config_cache: join(own, 'cache'),
    npm_config_userconfig: join(own, 'npmrc'),
    npm_config_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
}

// A command run to its end: how long it took, and the most memory that it and named processes had.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

// The kernel keeps the peak, so that looking now and then is enough; what a process takes at its very end is missed.
const LOOK = 20;

function peak(pid) {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Runs it; seconds, MiB at the peak, and what it printed. `also`: processes that do its work. */
export async function measured([command, ...args], { also = [], env = process.env } = {}) {
  const start = process.hrtime.bigint();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint = (complaint + text).slice(-2000);
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  let memory = 0;
  const look = setInterval(() => {
    memory = Math.max(memory, peak(child.pid) + also.reduce((sum, pid) => sum + peak(pid), 0));
  }, LOOK);
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ?? code));
  }).finally(() => clearInterval(look));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${complaint}`);
  return { seconds, memory, output };
}

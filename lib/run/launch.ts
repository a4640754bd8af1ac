// Starts a command over its views, or says why it cannot be started.
import { closeSync } from 'node:fs';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Started } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { explainStart, lost, notStarted } from './not-started.ts';
import { type Beginning, planStart } from './plan-start.ts';
import type { Views } from './views.ts';

/** @throws {OverlayError} */
export function* launch(views: Views, beginning: Beginning): Routine<Started> {
  const planned = planStart(views, beginning);
  const { plan, tries } = planned;
  try {
    yield plan.program;
  } catch (error) {
    throw error instanceof KernelError ? yield* explainStart(error, planned, beginning.cwd) : error;
  }
  const { started } = plan.program;
  const isStarted = started.pid !== 0 && started.ended >= plan.program.steps - tries.length;
  if (!isStarted) closeSync(started.socket);
  if (started.pid === 0) {
    throw notStarted(
      beginning.line,
      tries.map((step) => -plan.program.value(step)),
    );
  }
  // Before any of the steps that may become another program.
  if (!isStarted) throw lost();
  return started;
}

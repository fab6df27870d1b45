import { namespaceFlags } from '../client/describe.js';
import type { Report } from '../contract/report.js';
import { parseBootstrapWorkflowId } from '../contract/workflow-ids.js';
import { InterruptedError } from './run-command.js';

/** Returns the error of a command that a signal has ended: what becomes of its run, how to see it, and how to end it. */
export function interruptedRun(
  name: Report['command'],
  signal: InterruptedError['signal'],
  run: { readonly workflowId: string; readonly runId: string } | null,
  embedded: boolean,
): InterruptedError {
  if (name === 'plan') return new InterruptedError(signal, '; nothing was written', 'plan again');
  if (run === null)
    return new InterruptedError(signal, ' before the run started; nothing was written', `${name} again`);
  const flags = namespaceFlags(parseBootstrapWorkflowId(run.workflowId));
  const goesOn = embedded
    ? `is paused: it goes on at the next ${name}, where it was`
    : 'goes on in Temporal without this command';
  return new InterruptedError(
    signal,
    `; run ${run.runId} ${goesOn}`,
    `look at it with \`iam-bootstrap status ${flags}\`, end it with \`iam-bootstrap cancel ${flags}\`, or ${name} again to follow it`,
  );
}

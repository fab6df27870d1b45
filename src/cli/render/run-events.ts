import { approveCommand } from '../../client/describe.js';
import { describePipeline } from '../../report/run-description.js';
import type { RunEvent } from '../../client/run/events.js';
import { retryText } from '../../client/run/failing-activities.js';
import type { Progress } from '../../contract/progress.js';
import { joinFirst } from '../../report/text.js';
import { durationText } from '../../report/words.js';

/** The text of an event, and the page of the run that it is about. */
export interface EventText {
  readonly text: string;
  readonly url: string | null;
}

/** Returns the text of an event, the same on a terminal and in a log. Null for one that has none. */
export function textOfEvent(event: RunEvent): EventText | null {
  const text = (line: string): EventText => ({ text: line, url: null });
  switch (event.type) {
    case 'started':
      return { text: `run ${event.runId}`, url: event.url };
    case 'joined':
      return { text: `an equal request is already running; following run ${event.runId}`, url: event.url };
    case 'waiting':
      return waitingText(event);
    case 'no-worker':
      return text(`${event.message}; ${event.remedy}`);
    case 'retrying':
      return text(retryText(event));
    case 'unreachable':
      return text(`Temporal does not respond; retrying: ${event.message}`);
    case 'awaiting-approval': {
      if (!event.isAwaited) return null;
      const { account, namespace } = event.approval.report;
      const command = approveCommand({ account, namespace }, event.approval.plan);
      return text(`awaiting approval until ${event.approval.expiresAt}; to approve (or reject): ${command}`);
    }
    case 'applying-again':
      return text(
        event.changed.length > 0
          ? `changed by another caller since the run read it: ${joinFirst(event.changed, 3)}; applying again`
          : `refused or failed before this request joined the run: ${joinFirst(event.outdated, 3)}; applying again`,
      );
    case 'progress':
      return null;
  }
}

/** Describes the run that holds the namespace: first who started it, then its progress. */
function waitingText({ lockHolder, progress, waitedMs }: Extract<RunEvent, { type: 'waiting' }>): EventText {
  const { memo, startedAt, url } = lockHolder;
  const who = describePipeline(memo.pipeline);
  const far = progress === null ? [] : [progressText(progress)];
  const approval = memo.awaitingApproval === undefined || progress?.approval !== undefined ? [] : ['awaiting approval'];
  if (waitedMs > 0) {
    const now = [...far, ...approval, `held by ${who}`].join('; ');
    return { text: `still waiting for the namespace, for ${durationText(waitedMs)}: ${now}`, url: null };
  }
  const more = [`since ${startedAt}`, ...approval].join(', ');
  return { text: `waiting for the namespace: held by ${who}, ${more}`, url };
}

/** Formats the progress of a run: `reconciling, 12 of 300 done`. */
function progressText({ phase, done, total, waitingFor, approval }: Progress): string {
  if (approval !== undefined) return `${phase} until ${approval.expiresAt}, ${String(done)} of ${String(total)} done`;
  return `${phase}, ${String(done)} of ${String(total)} done${waitingFor === null ? '' : `, ${waitingFor}`}`;
}

import type { RunEvent } from '../../client/run/events.js';
import type { PendingApproval } from '../../contract/approval.js';
import { linkText, wrapped } from '../terminal.js';
import { renderReport } from './report.js';

/** Shows progress while a command runs: the events of a run, or of a fleet. */
export interface Display<Event = RunEvent> {
  show(event: Event): void;
  /** Prints a line that is not an event of the run, and the link that belongs to it. */
  say(line: string, url?: string | null): void;
  /** Removes what is only useful while the run is open. */
  end(): void;
}

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;

/** Returns a text with its link: the text is the link where the terminal can, else the URL has a line of its own. */
export function withLink(text: string, url: string | null, stream: Stream): string {
  if (url === null) return wrapped(text, stream);
  return linkText(text, url, stream) ?? `${wrapped(text, stream)}\n${url}`;
}

/** Renders a plan that waits for an approval. The link to its run was shown before. */
export function renderPending({ report }: PendingApproval, stream: Stream): string {
  return wrapped(renderReport({ ...report, workflow: { ...report.workflow, url: null } }), stream);
}

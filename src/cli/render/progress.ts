import pc from 'picocolors';
import { approveCommand, describePipeline } from '../../client/describe.js';
import type { RunEvent } from '../../client/run/events.js';
import type { Progress } from '../../contract/progress.js';
import { joinFirst } from '../../report/text.js';
import { note, plain, wrapped } from '../terminal.js';
import { paintOf, renderReport } from './report.js';
import { durationText } from './words.js';

/** Shows progress while a command runs. */
export interface Display {
  show(event: RunEvent): void;
  /** Prints a line that is not an event of the run. */
  say(line: string): void;
  /** Removes what is only useful while the run is open. */
  end(): void;
}

const SILENT: Display = { show: () => undefined, say: () => undefined, end: () => undefined };

/** Opens a live display on a terminal. Elsewhere, and with `--debug`, opens one that prints lines. */
export function openDisplay({ quiet, debug }: { readonly quiet: boolean; readonly debug: boolean }): Display {
  if (quiet) return SILENT;
  return process.stderr.isTTY && !debug ? new LiveDisplay(process.stderr) : new LineDisplay();
}

/** Returns the text of an event, the same on a terminal and in a log. */
function sentence(event: RunEvent): string | null {
  switch (event.type) {
    case 'started':
      return `run ${event.runId}${event.url === null ? '' : `: ${event.url}`}`;
    case 'joined':
      return `an equal request is already running; following run ${event.runId}${event.url === null ? '' : `: ${event.url}`}`;
    case 'waiting':
      return waitingText(event);
    case 'no-worker':
      return `no worker polls task queue ${event.taskQueue}; the run waits until one starts (iam-bootstrap worker)`;
    case 'retrying':
      return `attempt ${String(event.attempt)} failed and is retried: ${event.summary}: ${event.message}`;
    case 'unreachable':
      return `Temporal does not respond; retrying: ${event.message}`;
    case 'awaiting-approval': {
      const { account, namespace } = event.approval.report;
      return `awaiting approval until ${event.approval.expiresAt}: ${approveCommand({ account, namespace }, event.approval.plan)} (or reject)`;
    }
    case 'applying-again':
      return event.changed.length > 0
        ? `changed by another caller since the run read it: ${joinFirst(event.changed, 3)}; applying again`
        : `refused or failed before this request joined the run: ${joinFirst(event.outdated, 3)}; applying again`;
    case 'progress':
      return null;
  }
}

/** Describes the run that holds the namespace: first who started it, then its progress. */
function waitingText({ lockHolder, progress, waitedMs }: Extract<RunEvent, { type: 'waiting' }>): string {
  const { memo, startedAt, url } = lockHolder;
  const who = describePipeline(memo.pipeline);
  const far = progress === null ? [] : [progressText(progress)];
  const approval = memo.awaitingApproval === undefined || progress?.approval !== undefined ? [] : ['awaiting approval'];
  if (waitedMs > 0) {
    const now = [...far, ...approval, `held by ${who}`].join('; ');
    return `still waiting for the namespace, for ${durationText(waitedMs)}: ${now}`;
  }
  const more = [`since ${startedAt}`, ...approval].join(', ');
  return `waiting for the namespace: held by ${who}, ${more}${url === null ? '' : `: ${url}`}`;
}

/** Formats the progress of a run: `reconciling, 12 of 300 done`. */
export function progressText({ phase, done, total, waitingFor }: Progress): string {
  return `${phase}, ${String(done)} of ${String(total)} done${waitingFor === null ? '' : `, ${waitingFor}`}`;
}

class LineDisplay implements Display {
  readonly #states = new Map<string, string>();
  #phase = '';
  #waitingFor: string | null = null;
  #last = '';

  show(event: RunEvent): void {
    const line = sentence(event);
    if (event.type === 'awaiting-approval') note(renderReport(event.approval.report));
    if (line !== null && line !== this.#last) this.say((this.#last = line));
    if (event.type === 'progress') this.#progress(event.progress);
  }

  #progress({ phase, done, total, entities, waitingFor }: Progress): void {
    if (phase !== this.#phase) this.say(`${(this.#phase = phase)}: ${String(done)} of ${String(total)}`);
    for (const { kind, name, state } of entities) {
      const id = `${kind}/${name}`;
      if (this.#states.get(id) === state || state === 'planned') continue;
      this.#states.set(id, state);
      this.say(`${id}: ${state}`);
    }
    if (waitingFor !== this.#waitingFor) {
      this.#waitingFor = waitingFor;
      if (waitingFor !== null) this.say(waitingFor);
    }
  }

  say(line: string): void {
    note(plain(line));
  }

  end(): void {
    // Printed lines stay.
  }
}

/** Rows for entities. The newest are shown. */
const MAX_ROWS = 12;
const FRAMES = ['|', '/', '-', '\\'];

/** A line of the live display. Colors are applied after the text is cut to the width. */
interface Line {
  readonly text: string;
  readonly paint: (text: string) => string;
}

class LiveDisplay implements Display {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = Date.now();
  readonly #timer: NodeJS.Timeout;
  #rows = 0;
  #frame = 0;
  #progress: Progress | null = null;
  #notice = 'starting';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#timer = setInterval(() => {
      this.#draw();
    }, 120);
    this.#timer.unref();
  }

  show(event: RunEvent): void {
    if (event.type === 'progress') {
      this.#progress = event.progress;
      this.#notice = '';
    } else if (event.type === 'awaiting-approval') {
      this.#clear();
      this.#stream.write(`${wrapped(renderReport(event.approval.report), this.#stream)}\n`);
      this.say(sentence(event) ?? '');
    } else {
      this.#notice = sentence(event) ?? '';
      if (event.type === 'started' || event.type === 'joined') {
        this.say(this.#notice);
        this.#notice = 'planning';
      }
    }
    this.#draw();
  }

  say(line: string): void {
    this.#clear();
    this.#stream.write(`${pc.dim(plain(line))}\n`);
    this.#draw();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #clear(): void {
    if (this.#rows > 0) this.#stream.write(`\u001b[${String(this.#rows)}A\u001b[0J`);
    this.#rows = 0;
  }

  #draw(): void {
    this.#frame += 1;
    const columns = this.#stream.columns || 80;
    const spin = FRAMES[this.#frame % FRAMES.length] ?? '';
    const elapsed = durationText(Date.now() - this.#startedAt);
    const lines = this.#lines(spin, elapsed).map(({ text, paint }) => paint(plain(text).slice(0, columns - 1)));
    this.#clear();
    this.#stream.write(lines.map((line) => `${line}\n`).join(''));
    this.#rows = lines.length;
  }

  #lines(spin: string, elapsed: string): Line[] {
    const line = (text: string, paint: Line['paint'] = String): Line => ({ text, paint });
    if (this.#progress === null) return [line(`${spin} ${this.#notice} (${elapsed})`)];
    const { phase, done, total, entities, waitingFor } = this.#progress;
    const width = 24;
    const filled = total === 0 ? width : Math.floor((done / total) * width);
    const bar = `${'#'.repeat(filled)}${'.'.repeat(width - filled)}`;
    const busy = entities.filter(({ state }) => state !== 'planned');
    return [
      line(`${spin} ${phase} [${bar}] ${String(done)} of ${String(total)} (${elapsed})`),
      ...busy.slice(-MAX_ROWS).map(({ kind, name, state }) => line(`  ${kind}/${name}: ${state}`, paintOf(state))),
      ...(waitingFor === null ? [] : [line(`  ${waitingFor}`)]),
      ...(this.#notice === '' ? [] : [line(`  ${this.#notice}`)]),
    ];
  }
}

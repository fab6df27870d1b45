import pc from 'picocolors';
import type { RunEvent } from '../../client/run/events.js';
import type { FailingActivity } from '../../client/run/failing-activities.js';
import type { Progress } from '../../contract/progress.js';
import { plain } from '../terminal.js';
import { widthOf } from '../width.js';
import { type Display, renderPending, withLink } from './display.js';
import { liveLines } from './live-lines.js';
import { textOfEvent } from './run-events.js';

const FRAMES = ['|', '/', '-', '\\'];
const FRAME_MS = 120;

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const ERASE_TO_END_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Redraws a few lines below the output of a terminal. Each change is one write over what was there: no line is blank meanwhile. */
export class LiveDisplay implements Display {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = Date.now();
  readonly #timer: NodeJS.Timeout;
  readonly #redraw = (): void => {
    this.#draw();
  };
  /** The lines that are on the screen. */
  #drawn: readonly string[] = [];
  #frame = 0;
  #progress: Progress | null = null;
  #retries: readonly FailingActivity[] = [];
  #notice = 'starting';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.#draw();
    }, FRAME_MS);
    this.#timer.unref();
    stream.on('resize', this.#redraw);
  }

  show(event: RunEvent): void {
    switch (event.type) {
      case 'progress':
        this.#progress = event.progress;
        this.#retries = [];
        this.#notice = '';
        break;
      case 'retrying':
        if (this.#isListed(event)) this.#retries = [...this.#retries, event];
        else this.#notify(event);
        break;
      case 'awaiting-approval':
        this.#print(renderPending(event.approval, this.#stream));
        this.#notify(event, '');
        break;
      case 'started':
      case 'joined':
        this.#notify(event, 'planning');
        break;
      default:
        this.#notify(event);
    }
    this.#draw();
  }

  /** Shows an event as the notice. A link, and an event that has a notice of its own, stay above. */
  #notify(event: RunEvent, notice?: string): void {
    const shown = textOfEvent(event);
    if (shown === null) return;
    const stays = notice !== undefined || shown.url !== null;
    if (stays) this.say(shown.text, shown.url);
    this.#notice = notice ?? (stays ? 'waiting for the namespace' : shown.text);
  }

  say(line: string, url: string | null = null): void {
    const text = withLink(plain(line), url === null ? null : plain(url), this.#stream);
    this.#print(text.split('\n').map(pc.dim).join('\n'));
  }

  end(): void {
    clearInterval(this.#timer);
    this.#stream.off('resize', this.#redraw);
    if (this.#drawn.length > 0) this.#stream.write(this.#toStart() + ERASE_BELOW);
    this.#drawn = [];
  }

  /** Returns true for an activity of an entity that the display lists. */
  #isListed({ workflowId }: FailingActivity): boolean {
    return this.#progress?.entities.some((entity) => entity.workflowId === workflowId) === true;
  }

  /** Prints text that stays above the display. */
  #print(text: string): void {
    const lines = text.split('\n').map((line) => `${line}${ERASE_TO_END_OF_LINE}\n`);
    this.#draw(lines.join(''));
  }

  #draw(above = ''): void {
    const { columns, rows } = this.#size();
    const view = {
      progress: this.#progress,
      retries: this.#retries,
      notice: this.#notice,
      spinner: FRAMES[this.#frame % FRAMES.length] ?? '',
      startedAt: this.#startedAt,
      now: Date.now(),
    };
    const lines = liveLines(view, { columns, rows });
    const text = lines.map((line) => `${line}${ERASE_TO_END_OF_LINE}\n`).join('');
    this.#stream.write(`${this.#toStart()}${above}${text}${ERASE_BELOW}`);
    this.#drawn = lines;
  }

  /** Returns what moves the cursor to the first line of the display. A narrower terminal has broken its lines. */
  #toStart(): string {
    const { columns, rows } = this.#size();
    const height = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    const up = Math.min(height, rows - 1);
    return up === 0 ? '' : `\u001b[${String(up)}A\r`;
  }

  #size(): { readonly columns: number; readonly rows: number } {
    return { columns: this.#stream.columns || DEFAULT_COLUMNS, rows: this.#stream.rows || DEFAULT_ROWS };
  }
}

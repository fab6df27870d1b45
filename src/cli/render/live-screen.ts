import pc from 'picocolors';
import { plain } from '../terminal.js';
import { widthOf } from '../width.js';
import { withLink } from './display.js';
import { liveLines, type LiveView, type Size } from './live-lines.js';

const FRAMES = ['|', '/', '-', '\\'];
const FRAME_MS = 120;

const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const ERASE_TO_END_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** The part of the state of a live display that depends on what it shows. */
export type ShownView = Pick<LiveView, 'progress' | 'notice'>;

/** Redraws a few lines below the output of a terminal. Each change is one write over what was there: no line is blank meanwhile. */
export class LiveScreen {
  readonly #stream: NodeJS.WriteStream;
  readonly #view: () => ShownView;
  readonly #startedAt = Date.now();
  readonly #timer: NodeJS.Timeout;
  readonly #redraw = (): void => {
    this.draw();
  };
  /** The lines that are on the screen. */
  #drawn: readonly string[] = [];
  #frame = 0;

  constructor(stream: NodeJS.WriteStream, view: () => ShownView) {
    this.#stream = stream;
    this.#view = view;
    this.#timer = setInterval(() => {
      this.#frame += 1;
      this.draw();
    }, FRAME_MS);
    this.#timer.unref();
    stream.on('resize', this.#redraw);
  }

  /** Prints a line, and the link that belongs to it, above the display. */
  say(line: string, url: string | null = null): void {
    const text = withLink(plain(line), url === null ? null : plain(url), this.#stream);
    this.print(text.split('\n').map(pc.dim).join('\n'));
  }

  /** Prints text that stays above the display. */
  print(text: string): void {
    const lines = text.split('\n').map((line) => `${line}${ERASE_TO_END_OF_LINE}\n`);
    this.draw(lines.join(''));
  }

  draw(above = ''): void {
    const { columns, rows } = this.#size();
    const view = {
      ...this.#view(),
      spinner: FRAMES[this.#frame % FRAMES.length] ?? '',
      startedAt: this.#startedAt,
      now: Date.now(),
    };
    const lines = liveLines(view, { columns, rows });
    const text = lines.map((line) => `${line}${ERASE_TO_END_OF_LINE}\n`).join('');
    this.#stream.write(`${this.#toStart()}${above}${text}${ERASE_BELOW}`);
    this.#drawn = lines;
  }

  /** Removes the display. What was printed above it stays. */
  end(): void {
    clearInterval(this.#timer);
    this.#stream.off('resize', this.#redraw);
    if (this.#drawn.length > 0) this.#stream.write(this.#toStart() + ERASE_BELOW);
    this.#drawn = [];
  }

  /** Returns what moves the cursor to the first line of the display. A narrower terminal has broken its lines. */
  #toStart(): string {
    const { columns, rows } = this.#size();
    const height = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    const up = Math.min(height, rows - 1);
    return up === 0 ? '' : `\u001b[${String(up)}A\r`;
  }

  #size(): Size {
    return { columns: this.#stream.columns || DEFAULT_COLUMNS, rows: this.#stream.rows || DEFAULT_ROWS };
  }
}

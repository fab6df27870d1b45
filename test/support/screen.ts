import { Terminal } from '@xterm/headless';

/** Stops the clock and the spinner, which displays draw. The emulated terminal needs the other timers. */
export function holdTime(): void {
  jest.useFakeTimers({ doNotFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'nextTick', 'queueMicrotask'] });
}

/** A stream that draws on an emulated terminal. */
export class Screen {
  readonly isTTY = true;
  readonly #terminal: Terminal;
  #resized = (): void => undefined;
  /** The writes since the last look at them. */
  writes: string[] = [];

  constructor(
    public columns: number,
    public rows: number,
  ) {
    this.#terminal = new Terminal({ cols: columns, rows, scrollback: 1_000, allowProposedApi: true, convertEol: true });
  }

  /** The stream, for a display. It has the part of one that displays use. */
  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }

  on(_event: string, listener: () => void): void {
    this.#resized = listener;
  }

  off(): void {
    this.#resized = () => undefined;
  }

  write(text: string): boolean {
    this.writes.push(text);
    this.#terminal.write(text);
    return true;
  }

  async resize(columns: number): Promise<void> {
    await this.lines();
    this.columns = columns;
    this.#terminal.resize(columns, this.rows);
    this.#resized();
  }

  /** Returns all lines, without those below the last text. */
  async lines(): Promise<string[]> {
    await new Promise<void>((done) => {
      this.#terminal.write('', done);
    });
    const { active } = this.#terminal.buffer;
    const all = Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? '');
    return all.slice(0, all.findLastIndex((line) => line !== '') + 1);
  }
}

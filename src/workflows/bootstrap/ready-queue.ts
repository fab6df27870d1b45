/**
 * Which of many may begin: each once all that it waits for have ended. Promises would tell the same, and take some
 * kilobytes each in workflow code.
 */
export class ReadyQueue {
  readonly #ready: number[] = [];
  #taken = 0;
  #left: number;
  /** How many each one waits for yet. */
  readonly #waiting = new Map<number, number>();
  readonly #dependents = new Map<number, number[]>();

  /** @param after - what each one waits for; what is no key of the map, or the one itself, counts for nothing */
  constructor(after: ReadonlyMap<number, readonly number[]>) {
    this.#left = after.size;
    for (const [one, others] of after) {
      const awaited = new Set(others.filter((other) => other !== one && after.has(other)));
      for (const other of awaited) {
        const dependents = this.#dependents.get(other);
        if (dependents === undefined) this.#dependents.set(other, [one]);
        else dependents.push(one);
      }
      if (awaited.size === 0) this.#ready.push(one);
      else this.#waiting.set(one, awaited.size);
    }
  }

  /** Whether all have ended. */
  get isDone(): boolean {
    return this.#left === 0;
  }

  /** Whether one may begin. */
  get isReady(): boolean {
    return this.#taken < this.#ready.length;
  }

  /** Takes the first that may begin off the queue; undefined where none may at this time. */
  take(): number | undefined {
    return this.isReady ? this.#ready[this.#taken++] : undefined;
  }

  /** Says that one that was taken has ended. */
  end(one: number): void {
    this.#left -= 1;
    for (const dependent of this.#dependents.get(one) ?? []) {
      const left = (this.#waiting.get(dependent) ?? 0) - 1;
      this.#waiting.set(dependent, left);
      if (left === 0) this.#ready.push(dependent);
    }
  }
}

/** Gives out entities, each once all that it waits for have ended. A promise for each would take kilobytes of memory. */
export class ReadyQueue {
  readonly #ready: number[] = [];
  #taken = 0;
  #unfinished: number;
  /** Counts how many others each entity still waits for. */
  readonly #waiting = new Map<number, number>();
  readonly #dependents = new Map<number, number[]>();

  /** @param after - what each entity waits for; itself, and what is not a key of the map, are ignored */
  constructor(after: ReadonlyMap<number, readonly number[]>) {
    this.#unfinished = after.size;
    for (const [entity, others] of after) {
      const awaited = new Set(others.filter((other) => other !== entity && after.has(other)));
      for (const other of awaited) {
        const dependents = this.#dependents.get(other);
        if (dependents === undefined) this.#dependents.set(other, [entity]);
        else dependents.push(entity);
      }
      if (awaited.size === 0) this.#ready.push(entity);
      else this.#waiting.set(entity, awaited.size);
    }
  }

  /** The number of entities that have not ended. */
  get size(): number {
    return this.#unfinished;
  }

  get isDone(): boolean {
    return this.#unfinished === 0;
  }

  get isReady(): boolean {
    return this.#taken < this.#ready.length;
  }

  /** Takes the first that may begin off the queue; undefined where none may. */
  take(): number | undefined {
    return this.isReady ? this.#ready[this.#taken++] : undefined;
  }

  /** Puts an entity that was taken, and has not ended, back to the end of the queue. */
  putBack(entity: number): void {
    this.#ready.push(entity);
  }

  /** Records that an entity has ended, so that its dependents may begin. */
  finish(entity: number): void {
    this.#unfinished -= 1;
    for (const dependent of this.#dependents.get(entity) ?? []) {
      const awaited = (this.#waiting.get(dependent) ?? 0) - 1;
      this.#waiting.set(dependent, awaited);
      if (awaited === 0) this.#ready.push(dependent);
    }
  }
}

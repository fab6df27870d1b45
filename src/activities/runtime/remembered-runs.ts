/** Runs that are remembered at a time. */
const MAX_REMEMBERED = 1_000;

/** Remembers which runs were verified, for their next activities. The oldest are forgotten. */
export class RememberedRuns {
  readonly #known = new Set<string>();

  has(run: string): boolean {
    return this.#known.has(run);
  }

  add(run: string): void {
    this.#known.add(run);
    const [oldest] = this.#known;
    if (this.#known.size > MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
  }
}

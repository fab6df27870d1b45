/**
 * AWS's clock, told by the `Date` of its replies. AWS's dates are compared with this clock only: the worker's clock and
 * Temporal's may be minutes off.
 */
export class AwsClock {
  #last: { readonly dateMs: number; readonly receivedAt: number } | undefined;

  /** Sets the clock by the `Date` header of a reply. */
  set(date: string | undefined): void {
    const dateMs = Date.parse(date ?? '');
    if (!Number.isNaN(dateMs)) this.#last = { dateMs, receivedAt: performance.now() };
  }

  /**
   * Returns the time by AWS's clock, in milliseconds since 1970, or null where no reply had a date. It is up to a second
   * and the duration of a reply behind, and never ahead.
   */
  now(): number | null {
    return this.#last === undefined ? null : this.#last.dateMs + performance.now() - this.#last.receivedAt;
  }
}

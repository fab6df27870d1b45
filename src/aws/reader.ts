import type { SecretLocation } from '../contract/entity.js';
import { fallBackOn } from './errors.js';
import type { Element, Input, ListMember, Operation, Output } from './operations.js';

/** The maximum page size of IAM. */
export const PAGE_SIZE = 1000;

/** The maximum number of reads in flight for one run: bulk reads need few, and single reads wait for the network. */
const MAX_CONCURRENT_READS = 10;

/** Sends one call and returns its output, or throws the SDK's error. */
export type Send = <O extends Operation>(operation: O, input: Input<O>) => Promise<Output<O>>;

/** Reads a stored record; returns undefined where none is stored. */
export type ReadSecret = (location: SecretLocation) => Promise<Readonly<Record<string, string>> | undefined>;

/** Reads IAM. Kinds get a reader instead of a client, because a reader cannot write. */
export class Reader {
  readonly #send: Send;
  readonly #secret: ReadSecret;
  readonly #now: () => number | null;
  readonly #maxConcurrent: number;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /**
   * @param send - sends a read
   * @param secret - reads a stored record. Default: none is stored.
   * @param now - returns the time by AWS's clock, or null where AWS has not shown it. Default: the worker's clock.
   * @param maxConcurrent - reads in flight; the others wait
   */
  constructor(
    send: Send,
    secret: ReadSecret = () => Promise.resolve(undefined),
    now: () => number | null = () => Date.now(),
    maxConcurrent = MAX_CONCURRENT_READS,
  ) {
    this.#send = send;
    this.#secret = secret;
    this.#now = now;
    this.#maxConcurrent = maxConcurrent;
  }

  /**
   * Returns a reader for work that has many reads at once, and whose queue is its own, so that others do not wait for it.
   *
   * @param maxConcurrent - reads in flight at this reader
   * @param signal - once it is aborted, the reads that wait are not sent, and fail with its reason
   */
  limitedTo(maxConcurrent: number, signal: AbortSignal): Reader {
    const send: Send = async (operation, input) => {
      signal.throwIfAborted();
      return this.get(operation, input);
    };
    return new Reader(send, this.#secret, this.#now, maxConcurrent);
  }

  async secret(location: SecretLocation): Promise<Readonly<Record<string, string>> | undefined> {
    return this.#secret(location);
  }

  /** Returns the time by AWS's clock, in milliseconds since 1970; null where AWS has not shown it yet. */
  now(): number | null {
    return this.#now();
  }

  async get<O extends Operation>(operation: O, input: Input<O>): Promise<Output<O>> {
    if (this.#running >= this.#maxConcurrent) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running += 1;
    try {
      return await this.#send(operation, input);
    } finally {
      this.#running -= 1;
      this.#queue.shift()?.();
    }
  }

  /** Reads something that may not exist; returns undefined for `NoSuchEntity`. */
  async find<O extends Operation>(operation: O, input: Input<O>): Promise<Output<O> | undefined> {
    return fallBackOn(['NoSuchEntity'], undefined, () => this.get(operation, input));
  }

  async list<O extends Operation, M extends ListMember<O>>(
    operation: O,
    input: Input<O>,
    member: M,
  ): Promise<Element<O, M>[]> {
    const elements: Element<O, M>[] = [];
    for await (const page of this.pages(operation, input))
      elements.push(...((page[member] as Element<O, M>[] | undefined) ?? []));
    return elements;
  }

  /** Reads a listing page by page. IAM may return short pages: only `IsTruncated` marks the last one. */
  async *pages<O extends Operation>(operation: O, input: Input<O>): AsyncGenerator<Output<O>> {
    let marker: string | undefined;
    do {
      const paged = { MaxItems: PAGE_SIZE, ...input, ...(marker === undefined ? {} : { Marker: marker }) } as Input<O>;
      const page = await this.get(operation, paged);
      yield page;
      const { IsTruncated, Marker } = page as unknown as { IsTruncated?: boolean; Marker?: string };
      marker = IsTruncated === true ? Marker : undefined;
    } while (marker !== undefined);
  }
}

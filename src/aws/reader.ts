import type { SecretLocation } from '../contract/entity.js';
import { awsError } from './errors.js';
import type { Element, Input, ListMember, Operation, Output } from './operations.js';

/** Largest page that IAM gives. */
export const PAGE_SIZE = 1000;

/** Reads in flight at a time for one run: bulk listings take few, single reads are network bound. */
const CONCURRENT_READS = 10;

/** Sends one call and gives its output, or throws the SDK's error. */
export type Send = <O extends Operation>(operation: O, input: Input<O>) => Promise<Output<O>>;

/** Reads a stored record; undefined where there is none. */
export type ReadSecret = (location: SecretLocation) => Promise<Readonly<Record<string, string>> | undefined>;

/** Reads IAM. Kinds get this and no client: nothing that it offers writes. */
export class Reader {
  readonly #send: Send;
  readonly #secret: ReadSecret;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** @param secret - reads what is stored; without it nothing is */
  constructor(send: Send, secret: ReadSecret = () => Promise.resolve(undefined)) {
    this.#send = send;
    this.#secret = secret;
  }

  /** What is stored of a secret: a kind asks for the IDs in it. */
  async secret(location: SecretLocation): Promise<Readonly<Record<string, string>> | undefined> {
    return this.#secret(location);
  }

  /** Reads, or throws the SDK's error. */
  async get<O extends Operation>(operation: O, input: Input<O>): Promise<Output<O>> {
    if (this.#running >= CONCURRENT_READS) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running += 1;
    try {
      return await this.#send(operation, input);
    } finally {
      this.#running -= 1;
      this.#queue.shift()?.();
    }
  }

  /** Reads what may not be there: undefined for `NoSuchEntity`. */
  async find<O extends Operation>(operation: O, input: Input<O>): Promise<Output<O> | undefined> {
    try {
      return await this.get(operation, input);
    } catch (error) {
      if (awsError(error).code === 'NoSuchEntity') return undefined;
      throw error;
    }
  }

  /** Reads every page of a listing. */
  async list<O extends Operation, M extends ListMember<O>>(
    operation: O,
    input: Input<O>,
    member: M,
  ): Promise<Element<O, M>[]> {
    const all: Element<O, M>[] = [];
    for await (const page of this.pages(operation, input))
      all.push(...((page[member] as Element<O, M>[] | undefined) ?? []));
    return all;
  }

  /** The pages of a listing, one by one. IAM may give short pages; only `IsTruncated` says that it has ended. */
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

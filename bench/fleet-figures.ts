import type { Calls, Used } from './figures.js';

/** The data that one run of a fleet left in Temporal, over all runs that its workflow has continued as. */
export interface FleetHistory {
  readonly runs: number;
  /** The number of events of the longest of these runs. */
  readonly events: number;
  /** The size of the largest history of these runs. */
  readonly bytes: number;
  /** The size of all of them. */
  readonly allBytes: number;
  readonly largestPayloadBytes: number;
}

/** One case: a fleet's run, or the same accounts one after another without a fleet. */
export interface FleetCase {
  readonly name: string;
  readonly accounts: number;
  /** Entities of each account. */
  readonly entities: number;
  readonly ms: number;
  readonly worker: Used;
  readonly server: Used;
  /** Missing where the library applied in the process of the benchmark. */
  readonly command?: Used;
  readonly calls: Calls;
  readonly throttled: number;
  /** Accounts by result. */
  readonly results: Readonly<Record<string, number>>;
  /** The entities that AWS created, and the largest number of Creates of one of them. */
  readonly created: number;
  readonly mostCreates: number;
  /** The time of the last call, by account, in milliseconds since the start. */
  readonly ends: Readonly<Record<string, number>>;
  readonly history?: FleetHistory;
  /** The size of the report as JSON. */
  readonly reportBytes?: number;
}

/** A limit of DESIGN that a fleet is measured against. */
export interface FleetTarget {
  readonly what: string;
  readonly most: string;
  readonly measured: string;
  readonly met: boolean;
}

/** The figures of one run of the benchmark of fleets. */
export interface FleetResults {
  readonly at: string;
  readonly commit: string;
  readonly command: string;
  readonly machine: { readonly cores: number; readonly node: string; readonly platform: string; readonly load: number };
  readonly cases: readonly FleetCase[];
  /** The account that was throttled, and the calls a second that it was allowed. */
  readonly throttled: { readonly account: string; readonly perSecond: number };
}

import type { Series, Spread } from './figures.js';

/** All that a run of the benchmark found. */
export interface Results {
  readonly machine: {
    readonly cores: number;
    readonly node: string;
    readonly platform: string;
    /** Runnable processes of all that the machine does, by core, before the benchmark began. */
    readonly load: number;
  };
  readonly at: string;
  /** The duration of the whole benchmark, in milliseconds. */
  readonly ms: number;
  readonly repeats: number;
  readonly contenders: readonly {
    readonly name: string;
    readonly what: string;
    readonly role: 'ours' | 'floor' | 'peer';
  }[];
  /** Peers that were not measured, and why. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
  readonly workloads: readonly { readonly name: string; readonly roles: number }[];
  readonly series: readonly Series[];
  /** The emulator's own time for the reads of an apply with nothing to do, one after the other. */
  readonly reads: readonly { readonly workload: string; readonly ms: Spread }[];
  readonly histories: readonly History[];
  /** Resident memory of one worker, looked at again and again while it runs the same. */
  readonly soak?: { readonly runs: number; readonly rssBytes: readonly number[] };
  /** Starts, by what is started, in milliseconds. */
  readonly starts: Readonly<Record<string, Spread>>;
  readonly size?: { readonly packedBytes: number; readonly installedBytes: number; readonly packages: number };
}

/** Returns the number of roles of a workload; 0 for a mixed one. */
export function rolesIn({ workloads }: Pick<Results, 'workloads'>, workload: string): number {
  return workloads.find(({ name }) => name === workload)?.roles ?? 0;
}

/** The data that a run left in Temporal. */
export interface History {
  readonly workload: string;
  readonly name: 'fresh' | 'nothing to do';
  readonly events: number;
  readonly bytes: number;
  /** The size of the largest payload, as it is stored. */
  readonly largestPayloadBytes: number;
}

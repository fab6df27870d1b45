import type { Series, Spread } from './figures.js';

/** All that a run of the benchmark found. */
export interface Results {
  readonly machine: {
    readonly cores: number;
    readonly node: string;
    readonly platform: string;
    /** The commit that was measured. */
    readonly commit: string;
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
  readonly workloads: readonly (Size & { readonly name: string })[];
  readonly series: readonly Series[];
  /** The emulator's own time for the reads of an apply with nothing to do, one after the other. */
  readonly reads: readonly { readonly workload: string; readonly ms: Spread }[];
  readonly histories: readonly History[];
  /** Resident memory of one worker, looked at again and again while it runs the same. */
  readonly soak?: { readonly runs: number; readonly rssBytes: readonly number[] };
  /** Starts, by what is started, in milliseconds. */
  readonly starts: Readonly<Record<string, Spread>>;
  /** The package as npm would publish it, installed into an empty folder. */
  readonly installed?: {
    readonly packedBytes: number;
    readonly installedBytes: number;
    readonly packages: number;
    readonly starts: Readonly<Record<string, Spread>>;
  };
  /** The same small cases with other versions of Node.js and another server. */
  readonly parts: readonly Part[];
  readonly absentParts: readonly { readonly name: string; readonly reason: string }[];
}

/** The figures of one version of Node.js and one server. */
export interface Part {
  readonly name: string;
  readonly series: readonly Series[];
  readonly starts: Readonly<Record<string, Spread>>;
}

/** The number of entities of a workload, and of the writes that bring them all into an empty account; 0 for a mixed one. */
export interface Size {
  readonly entities: number;
  readonly writes: number;
}

/** Returns the size of a workload. */
export function sizeOf({ workloads }: Pick<Results, 'workloads'>, workload: string): Size {
  return workloads.find(({ name }) => name === workload) ?? { entities: 0, writes: 0 };
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

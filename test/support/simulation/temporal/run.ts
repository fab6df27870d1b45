import { CancelledFailure, TerminatedFailure } from '@temporalio/common';
import type { SimulatedServer } from './server.js';

/** The end of a run. */
export type RunStatus = 'open' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'continued';

/** A handler of a query, a signal or an update. */
export interface Handler {
  readonly handle: (...args: unknown[]) => unknown;
  readonly validate: ((...args: unknown[]) => void) | undefined;
}

interface Condition {
  readonly test: () => boolean;
  readonly resolve: () => void;
}

/** What starts a run. */
export interface RunStart {
  readonly type: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly args: readonly unknown[];
  readonly memo: Readonly<Record<string, unknown>>;
  readonly parent: Run | null;
  /** Default: the run is asked to cancel where its parent closes. */
  readonly parentClosePolicy?: string | undefined;
  readonly startedAt: number;
}

/** One run of a workflow. Workflow code is durable: no death of a worker is seen here. */
export class Run {
  readonly server: SimulatedServer;
  readonly start: RunStart;
  readonly memo: Record<string, unknown>;
  status: RunStatus = 'open';
  closedAt = Infinity;
  /** Settles as the run ends; a terminated run rejects. */
  readonly result: Promise<unknown>;
  resolve: (value: unknown) => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;
  /** Rejects once cancellation is requested. */
  readonly cancelRequested: Promise<never>;
  readonly handlers = new Map<string, Handler>();
  readonly children: Run[] = [];
  /** Results of updates by their ID: a repeated one gets the same answer. */
  readonly updates = new Map<string, Promise<unknown>>();
  runningUpdates = 0;
  /** The IDs under which it could not start a child, because a run of that ID was open. */
  readonly refusedStarts = new Set<string>();
  isCancelRequested = false;
  #cancel: (error: Error) => void = () => undefined;
  #conditions: Condition[] = [];

  constructor(server: SimulatedServer, start: RunStart) {
    this.server = server;
    this.start = start;
    this.memo = { ...start.memo };
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.result.catch(() => undefined);
    this.cancelRequested = new Promise((_resolve, reject) => (this.#cancel = reject));
    this.cancelRequested.catch(() => undefined);
  }

  get isOpen(): boolean {
    return this.status === 'open';
  }

  /** The run that no other one started. */
  get root(): Run {
    return this.start.parent === null ? this : this.start.parent.root;
  }

  /** True where another run held the ID when the parent first tried to start this one. */
  get hasWaited(): boolean {
    return this.start.parent?.refusedStarts.has(this.start.workflowId) ?? false;
  }

  requestCancel(): void {
    if (!this.isOpen) return;
    this.isCancelRequested = true;
    this.#cancel(new CancelledFailure('the run is to be cancelled'));
  }

  /** Ends the run from outside. Its code never goes on. */
  terminate(): void {
    if (!this.isOpen) return;
    this.status = 'terminated';
    this.reject(new TerminatedFailure('the run was terminated'));
    this.server.closed(this);
  }

  /** Waits until a test of the run's own state holds. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => this.#conditions.push({ test, resolve }));
  }

  /** Lets go on what waits for a condition that holds by now; returns true where something did. */
  checkConditions(): boolean {
    if (this.#conditions.length === 0 || !this.isOpen) return false;
    const met = this.server.inRun(this, () => this.#conditions.filter(({ test }) => test()));
    if (met.length === 0) return false;
    this.#conditions = this.#conditions.filter((condition) => !met.includes(condition));
    for (const { resolve } of met) resolve();
    return true;
  }
}

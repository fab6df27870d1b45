import { AsyncLocalStorage } from 'node:async_hooks';
import { CancelledFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Activities } from '../../../../src/contract/activities.js';
import type { Scheduler } from '../scheduler.js';
import type { Attempt } from './attempt.js';
import { Run } from './run.js';
import type { RunStart, RunStatus } from './run.js';

/** The run or the attempt of an activity that the present code belongs to. */
interface Here {
  readonly run?: Run;
  /** Reaches the present workflow code. Null in a part that no cancellation reaches; default: that of the run. */
  readonly cancellation?: CancelToken | null;
  readonly attempt?: Attempt;
}

const here = new AsyncLocalStorage<Here>();

/** Returns the run whose workflow code calls. */
export function currentRun(): Run {
  const run = here.getStore()?.run;
  if (run === undefined) throw new Error('only workflow code may call this');
  return run;
}

/** A request to cancel that reaches a part of workflow code. */
export interface CancelToken {
  readonly isCancelRequested: boolean;
  /** Rejects once it is requested. */
  readonly cancelRequested: Promise<never>;
}

/** Returns the cancellation that reaches the present workflow code; null if none does. */
export function currentCancellation(): CancelToken | null {
  const { cancellation } = here.getStore() ?? {};
  return cancellation === undefined ? currentRun() : cancellation;
}

/** Runs workflow code that another cancellation reaches, or none. */
export function withCancellation<T>(cancellation: CancelToken | null, code: () => T): T {
  return here.run({ run: currentRun(), cancellation }, code);
}

/** Returns the attempt whose activity code calls. */
export function currentAttempt(): Attempt {
  const attempt = here.getStore()?.attempt;
  if (attempt === undefined) throw new Error('only activity code may call this');
  return attempt;
}

/** Runs the code of an attempt. */
export function inAttempt<T>(attempt: Attempt, code: () => T): T {
  return here.run({ attempt }, code);
}

/** The error by which workflow code ends its run and starts the next one of the same ID. */
export class ContinueAsNewRequest extends Error {
  constructor(readonly args: readonly unknown[]) {
    super('continue as new');
  }
}

type Workflow = (...args: readonly unknown[]) => Promise<unknown>;

/** A Temporal server with workers that know the given workflows and activities, in this process. */
export class SimulatedServer {
  readonly scheduler: Scheduler;
  activities: Activities | undefined;
  /** Called where a run changes its memo. */
  onMemo: (run: Run, memo: Readonly<Record<string, unknown>>) => void = () => undefined;
  /** Called where a run ends. */
  onClosed: (run: Run) => void = () => undefined;
  readonly #workflows: Readonly<Record<string, Workflow>>;
  /** Every run, in the order of their starts. */
  readonly runs: Run[] = [];
  readonly #open = new Map<string, Run>();
  #bug: Error | undefined;

  constructor(scheduler: Scheduler, workflows: Readonly<Record<string, unknown>>) {
    this.scheduler = scheduler;
    this.#workflows = workflows as Readonly<Record<string, Workflow>>;
  }

  /** Starts a run. The ID is a lock: one run of an ID is open at a time. */
  startRun(start: Omit<RunStart, 'runId' | 'startedAt'>): Run {
    const { workflowId, type, parent } = start;
    if (this.#open.has(workflowId)) {
      parent?.refusedStarts.add(workflowId);
      throw new WorkflowExecutionAlreadyStartedError('a run of this ID is open', workflowId, type);
    }
    const workflow = this.#workflows[type];
    if (workflow === undefined) throw new Error(`no workflow ${type}`);
    const runId = `00000000-0000-4000-8000-${String(this.runs.length + 1).padStart(12, '0')}`;
    const run = new Run(this, { ...start, runId, startedAt: this.scheduler.now });
    this.runs.push(run);
    this.#open.set(workflowId, run);
    parent?.children.push(run);
    this.inRun(run, () => workflow(...run.start.args)).then(
      (value) => {
        this.#close(run, 'completed', () => {
          run.resolve(value);
        });
      },
      (error: unknown) => {
        this.#fail(run, error);
      },
    );
    return run;
  }

  /** Returns the open run of an ID. */
  openRun(workflowId: string): Run | undefined {
    return this.#open.get(workflowId);
  }

  inRun<T>(run: Run, code: () => T): T {
    return here.run({ run }, code);
  }

  /** Sets everything in motion that can go on without an event; returns true where something did. */
  rest(): boolean {
    if (this.#bug !== undefined) throw this.#bug;
    let hasMoved = false;
    for (const run of this.#open.values()) hasMoved = run.checkConditions() || hasMoved;
    return hasMoved;
  }

  /** Frees the ID of a run that has ended, and asks its children to cancel. */
  closed(run: Run): void {
    run.closedAt = this.scheduler.now;
    if (this.#open.get(run.start.workflowId) === run) this.#open.delete(run.start.workflowId);
    for (const child of run.children) {
      if (child.start.parentClosePolicy !== 'ABANDON') child.requestCancel();
    }
    this.onClosed(run);
  }

  /** Sends an update to a run, as a client does. */
  update(run: Run, name: string, args: readonly unknown[], id?: string): Promise<unknown> {
    const known = id === undefined ? undefined : run.updates.get(id);
    if (known !== undefined) return known;
    const answer = this.inRun(run, async () => {
      const handler = run.handlers.get(`update:${name}`);
      if (handler === undefined) throw new Error(`no handler of ${name}`);
      handler.validate?.(...args);
      run.runningUpdates += 1;
      try {
        return await handler.handle(...args);
      } finally {
        run.runningUpdates -= 1;
      }
    });
    if (id !== undefined) run.updates.set(id, answer);
    return answer;
  }

  /** Sends a signal to a run, as a client does. */
  signal(run: Run, name: string, ...args: readonly unknown[]): void {
    this.inRun(run, () => run.handlers.get(`signal:${name}`)?.handle(...args));
  }

  /** Asks a run, as a client does. */
  query(run: Run, name: string, ...args: readonly unknown[]): unknown {
    return this.inRun(run, () => run.handlers.get(`query:${name}`)?.handle(...args));
  }

  #fail(run: Run, error: unknown): void {
    if (error instanceof ContinueAsNewRequest) {
      this.#close(run, 'continued', () => undefined);
      this.startRun({ ...run.start, args: error.args });
      return;
    }
    const isFailure =
      error instanceof Error && /^(Application|Cancelled|Activity|ChildWorkflow)Failure$/.test(error.name);
    // Temporal would repeat the workflow task for ever.
    if (!isFailure) this.#bug = error instanceof Error ? error : new Error(String(error));
    this.#close(run, error instanceof CancelledFailure ? 'cancelled' : 'failed', () => {
      run.reject(error);
    });
  }

  #close(run: Run, status: RunStatus, settle: () => void): void {
    if (!run.isOpen) return;
    run.status = status;
    settle();
    this.closed(run);
  }
}

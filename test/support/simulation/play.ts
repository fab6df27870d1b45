import { ApplicationFailure } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { createActivities } from '../../../src/activities/index.js';
import { Ledgers } from '../../../src/activities/ledger.js';
import type { PendingApproval } from '../../../src/contract/approval.js';
import type { Report } from '../../../src/contract/report.js';
import type { BootstrapRequest } from '../../../src/contract/request.js';
import { bootstrapWorkflowId } from '../../../src/contract/workflow-ids.js';
import * as workflows from '../../../src/workflows/index.js';
import type { VirtualClock } from './clock.js';
import { Happenings } from './happenings.js';
import { handWrites } from './hands.js';
import { EDIT, forgedStart, Guard, type Guarding, type InForce } from './guarded.js';
import type { Forgery, History, RunSpec, Step } from './history.js';
import { SimulatedAccount } from './iam/account.js';
import { ACCOUNT } from './iam/state.js';
import { requestOf } from './manifests.js';
import { Scheduler } from './scheduler.js';
import { clientOf } from './temporal/activity-sdk.js';
import { entityRunsOf } from './temporal/entity-runs.js';
import type { Run } from './temporal/run.js';
import { SimulatedServer } from './temporal/server.js';

/** Time in which a person decides about a plan, in milliseconds. */
const DECISION_MS = 1_000;

/** One request of a client, from the moment that it asks to the report that it gets. */
export interface PlayedRun {
  readonly spec: RunSpec;
  readonly request: BootstrapRequest;
  readonly run: Run;
  /** True where an equal request had started the run. */
  readonly joined: boolean;
  /** The number of the state of the account when the client asked, when the run began, and when it ended. */
  readonly askedAt: number;
  readonly startedAt: number;
  endedAt: number;
  /** Null where the run was terminated. */
  report: Report | null;
  /** The plan that was shown for an approval, and the state of the account then. */
  shown: { readonly pending: PendingApproval; readonly version: number } | null;
}

/** A history that has been played. */
export interface Played {
  readonly history: History;
  readonly account: SimulatedAccount;
  readonly server: SimulatedServer;
  /** In the order in which their clients asked. */
  readonly runs: readonly PlayedRun[];
  /** The guardrails that were in force, each from an entry of the account's record on. */
  readonly guardrails: readonly InForce[];
}

/** Plays a history against a new account, and waits until everything that it has begun has ended. */
export async function play(history: History, clock: VirtualClock, guarding?: Guarding): Promise<Played> {
  const stage = new Stage(history, clock, guarding);
  for (const step of history) await stage.play(step);
  return stage.finish();
}

class Stage {
  readonly #history: History;
  readonly #scheduler: Scheduler;
  readonly #server: SimulatedServer;
  readonly #account: SimulatedAccount;
  readonly #runs: PlayedRun[] = [];
  readonly #guard: Guard | undefined;
  #happenings: Happenings;

  constructor(history: History, clock: VirtualClock, guarding: Guarding | undefined) {
    this.#history = history;
    this.#scheduler = new Scheduler(clock);
    this.#server = new SimulatedServer(this.#scheduler, workflows);
    this.#account = new SimulatedAccount(this.#scheduler, (call) => this.#happenings.fateOf(call));
    this.#happenings = new Happenings(
      [],
      this.#scheduler,
      () => undefined,
      () => undefined,
    );
    this.#guard = guarding && new Guard(guarding, this.#server, this.#account.record);
    this.#server.activities = createActivities({
      accounts: { lease: () => ({ get: () => this.#account, release: () => undefined }) },
      ledgers: new Ledgers(clientOf(this.#server) as Client, 'simulation'),
      entityRuns: entityRunsOf(this.#server),
      keptStates: { part: () => Promise.reject(new Error('no run continues another one')) },
      ...(this.#guard === undefined ? {} : { enforcement: this.#guard.enforcement }),
    });
    this.#server.onMemo = (run, memo) => {
      if (typeof memo['awaitingApproval'] === 'string') this.#showPlan(run, memo['awaitingApproval']);
    };
    this.#server.onClosed = (run) => {
      for (const played of this.#runs) if (played.run === run) played.endedAt = this.#account.version;
    };
  }

  async play(step: Step): Promise<void> {
    if ('hand' in step) {
      this.#actByHand(step.hand);
      return;
    }
    if ('forge' in step) {
      await this.#forge(step.forge);
      return;
    }
    const { run, beside, events = [], order = [] } = step;
    this.#scheduler.choose(order);
    const clients: Promise<unknown>[] = [];
    let isAsked = beside === undefined;
    const askBeside = (): void => {
      if (isAsked || beside === undefined) return;
      isAsked = true;
      clients.push(this.#ask(beside));
    };
    this.#happenings = new Happenings(
      events,
      this.#scheduler,
      (hand) => {
        this.#actByHand(hand);
      },
      (calls) => {
        if (calls >= (beside?.from ?? 1)) askBeside();
      },
    );
    let isDone = false;
    const first = this.#ask(run, (started) => {
      this.#happenings.first = started;
    });
    clients.push(first);
    let bug: unknown;
    const end = async (): Promise<void> => {
      await first;
      askBeside();
      await Promise.all(clients);
    };
    end()
      .catch((error: unknown) => (bug = error))
      .finally(() => (isDone = true));
    await this.#runUntil(() => isDone);
    if (bug !== undefined) throw bug as Error;
  }

  async finish(): Promise<Played> {
    this.#happenings = new Happenings(
      [],
      this.#scheduler,
      () => undefined,
      () => undefined,
    );
    await this.#runUntil(() => this.#server.runs.every(({ isOpen, start }) => !isOpen || /ledger/i.test(start.type)));
    const guardrails = this.#guard?.inForce ?? [];
    return { history: this.#history, account: this.#account, server: this.#server, runs: this.#runs, guardrails };
  }

  #runUntil(isDone: () => boolean): Promise<void> {
    return this.#scheduler.runUntil(isDone, () => this.#server.rest());
  }

  /** Starts the last entity run once more, as any client can. */
  async #forge(forgery: Forgery): Promise<void> {
    const start = forgedStart(this.#server, forgery);
    if (start === undefined) return;
    const run = this.#server.startRun(start);
    await this.#runUntil(() => !run.isOpen);
  }

  #actByHand(hand: string): void {
    if (hand === EDIT) {
      this.#guard?.edit();
      return;
    }
    for (const [operation, input] of handWrites(hand, this.#account.state))
      this.#account.byHand(hand, operation, input);
  }

  /** Starts a run, joins the open one of an equal request, or waits for the namespace, as the client does. */
  async #ask(spec: RunSpec, onStart: (run: Run) => void = () => undefined): Promise<void> {
    const request = requestOf(spec);
    const workflowId = bootstrapWorkflowId(ACCOUNT, spec.namespace);
    const askedAt = this.#account.version;
    for (;;) {
      const open = this.#server.openRun(workflowId);
      const isJoined = open?.memo['digest'] === request.digest && open.memo['revision'] === spec.revision;
      if (open !== undefined && !isJoined) {
        await open.result.catch(() => undefined);
        continue;
      }
      const memo = { digest: request.digest, revision: spec.revision };
      const run = open ?? this.#server.startRun({ type: 'bootstrap', workflowId, args: [request], memo, parent: null });
      const earlier = this.#runs.find((played) => played.run === run);
      const played: PlayedRun = {
        spec,
        request,
        run,
        joined: isJoined,
        askedAt,
        startedAt: earlier?.startedAt ?? this.#account.version,
        endedAt: -1,
        report: null,
        shown: earlier?.shown ?? null,
      };
      this.#runs.push(played);
      if (isJoined) this.#server.signal(run, 'join', request.key);
      onStart(run);
      played.report = await this.#reportOf(run);
      // A joiner asks again where another one has changed what the run had found as declared.
      const isOutdated = played.report?.entities.some(({ changedSince }) => changedSince !== undefined) ?? false;
      if (isJoined && isOutdated) continue;
      return;
    }
  }

  async #reportOf(run: Run): Promise<Report | null> {
    try {
      return (await run.result) as Report;
    } catch (error) {
      if (run.status === 'cancelled') return this.#server.query(run, 'report') as Report;
      return error instanceof ApplicationFailure ? ((error.details?.[0] ?? null) as Report | null) : null;
    }
  }

  /** Shows the plan to a person, and sends what the person decides. */
  #showPlan(run: Run, plan: string): void {
    const pending = this.#server.query(run, 'approval') as PendingApproval;
    const played = this.#runs.find((other) => other.run === run);
    if (played === undefined) return;
    played.shown = { pending, version: this.#account.version };
    this.#scheduler.after(DECISION_MS, () => {
      if (!run.isOpen) return;
      const decision = played.spec.approval ?? 'reject';
      void this.#server.update(run, decision, [{ plan, by: 'reviewer', reason: null }]).catch(() => undefined);
    });
  }
}

import type { Info } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { LogLevel } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../../src/activities/index.js';
import { lockOf } from '../../src/activities/plan/entity-lock.js';
import type { Enforcement } from '../../src/activities/runtime/enforcement.js';
import type { EntityRuns } from '../../src/activities/entity-runs.js';
import type { Ledgers } from '../../src/activities/ledger.js';
import type { Activities, ApprovedPlan, UpdateRequest } from '../../src/contract/activities.js';
import type { Declaration } from '../../src/contract/declarations.js';
import type { EntityClaim } from '../../src/contract/entity-claims.js';
import { entityKeyOfId, type DesiredEntity } from '../../src/contract/entity.js';
import type { AttemptProgress, FailureDetails } from '../../src/contract/failures.js';
import { desired } from './desired.js';
import { TARGET } from './fake-account.js';
import type { FakeAccount } from './fake-account.js';

export const RUN_ID = '11111111-2222-4333-8444-555555555555';
export const ROLE = desired('Role', 'deploy', {
  roleName: 'deploy',
  assumeRolePolicyDocument: {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
  },
});
export const GROUP = desired('Group', 'readers', { groupName: 'readers' });

/** Returns a request of a reconcile-entity workflow, for each of its activities. */
export function reconcileRequest(entity: DesiredEntity, more: Partial<UpdateRequest> = {}): UpdateRequest {
  return {
    target: TARGET,
    namespace: 'ci',
    entity,
    action: 'create',
    arns: {},
    intent: RUN_ID,
    planned: { action: more.action ?? 'create', lines: [] },
    approved: false,
    readFirst: false,
    made: false,
    fresh: false,
    ...more,
  };
}

/** An activity that has ended: its result or its failure, and everything that it told Temporal and the log. */
export interface EndedActivity<Name extends keyof Activities> {
  readonly result: Awaited<ReturnType<Activities[Name]>> | undefined;
  readonly failure:
    | {
        readonly type?: string;
        readonly name: string;
        readonly message: string;
        readonly nonRetryable?: boolean;
        readonly details?: readonly [FailureDetails?];
      }
    | undefined;
  /** What attempts that are repeated have reported to the workflow. */
  readonly signals: readonly AttemptProgress[];
  /** Details of the heartbeats, in order. The last one is what the next attempt starts with. */
  readonly heartbeats: readonly {
    readonly sent: readonly { readonly operation: string; readonly requestId: string | null }[];
    readonly failedAttempt?: number;
  }[];
  readonly logs: readonly { readonly level: LogLevel; readonly message: string }[];
  /** The info with which Temporal starts the next attempt. */
  readonly next: Partial<Info>;
}

interface Options {
  readonly info?: Partial<Info>;
  /** Answers the heartbeats by which an attempt asks for its lease. */
  readonly lease?: () => Promise<void>;
  readonly claim?: Ledgers['claim'];
  /** Claims on entities without tags in the ledger of the account. */
  readonly entityClaims?: readonly EntityClaim[];
  /** The declarations in the ledger of the namespace. */
  readonly declarations?: readonly Declaration[];
  /** Called with the environment before the activity starts. */
  readonly onStart?: (environment: MockActivityEnvironment) => void;
  /** The second argument of the activity that plans. */
  readonly approved?: ApprovedPlan;
  /** Returns the workflow IDs of the entities that runs have changed recently. Default: none. */
  readonly recentlyChanged?: EntityRuns['recentlyChanged'];
  /** The guardrails of the worker. Default: none. */
  readonly enforcement?: Enforcement;
}

/** Runs one attempt of an activity in Temporal's mock environment, against a fake account. Sleeps end at once. */
export async function runAttempt<Name extends keyof Activities>(
  account: FakeAccount,
  name: Name,
  request: Parameters<Activities[Name]>[0],
  {
    info,
    lease = () => Promise.resolve(),
    claim = () => Promise.reject(new Error('no ledger')),
    entityClaims = [],
    declarations = [],
    onStart,
    approved,
    enforcement,
    recentlyChanged = () => Promise.resolve([]),
  }: Options = {},
): Promise<EndedActivity<Name>> {
  const logs: { level: LogLevel; message: string }[] = [];
  const heartbeats: EndedActivity<Name>['heartbeats'][number][] = [];
  const signals: AttemptProgress[] = [];
  const client = {
    withDeadline: (_at: number, call: () => unknown) => call(),
    withAbortSignal: (_signal: unknown, call: () => unknown) => call(),
    activity: { heartbeat: lease },
    workflow: {
      getHandle: () => ({ signal: (_signal: unknown, progress: AttemptProgress) => signals.push(progress) }),
    },
  } as unknown as Client;
  const { entity } = request as Partial<UpdateRequest>;
  const workflowId = entity === undefined ? 'test' : lockOf(TARGET.account, entity);
  const started: Partial<Info> = {
    attempt: 1,
    heartbeatTimeoutMs: 6_000,
    startToCloseTimeoutMs: 600_000,
    scheduledTimestampMs: Date.now(),
    currentAttemptScheduledTimestampMs: Date.now(),
    workflowExecution: { workflowId, runId: RUN_ID },
    ...info,
  };
  const logger = new DefaultLogger('DEBUG', ({ level, message }) => logs.push({ level, message }));
  const environment = new MockActivityEnvironment(started, { client, logger });
  const { context } = environment;
  const sleep = async (): Promise<void> => {
    await Promise.race([context.cancelled, new Promise(setImmediate)]);
  };
  Object.assign(context, { sleep });
  environment.on('heartbeat', (details) => heartbeats.push(structuredClone(details) as (typeof heartbeats)[number]));
  onStart?.(environment);
  const ledgers = {
    claim,
    applied: () => Promise.resolve([]),
    recordDrift: () => Promise.reject(new Error('no drift record')),
    claimEntities: () => Promise.reject(new Error('no ledger')),
    declare: () => Promise.reject(new Error('no ledger')),
    recordOutcome: () => Promise.reject(new Error('no ledger')),
    declarations: () => Promise.resolve(declarations),
    entityClaims: (_account: string, ids: readonly string[]) => {
      const keys = new Set(ids.map(entityKeyOfId));
      return Promise.resolve(entityClaims.filter(({ id }) => keys.has(entityKeyOfId(id))));
    },
  };
  const entityRuns = {
    find: () => Promise.resolve({ earlier: [], others: [] }),
    end: () => Promise.resolve(),
    pending: () => Promise.resolve([]),
    principalOfRun: () => Promise.resolve(undefined),
    parentOf: () => Promise.resolve(undefined),
    descentFrom: () => Promise.resolve(null),
    workflowOf: () => Promise.resolve(undefined),
    recentlyChanged,
  };
  const activities = createActivities({
    accounts: { lease: () => ({ get: () => account, release: () => undefined }) },
    ledgers,
    entityRuns,
    keptStates: { part: () => Promise.reject(new Error('no kept state')) },
    ...(enforcement === undefined ? {} : { enforcement }),
  });
  const run = activities[name] as unknown as (given: unknown, approved?: ApprovedPlan) => Promise<unknown>;
  const ended = await environment.run(run, request, approved).then(
    (result) => ({ result, failure: undefined }),
    (failure: unknown) => ({ result: undefined, failure }),
  );
  const next = { ...started, attempt: (started.attempt ?? 1) + 1, heartbeatDetails: heartbeats.at(-1) };
  return { ...(ended as Pick<EndedActivity<Name>, 'result' | 'failure'>), signals, heartbeats, logs, next };
}

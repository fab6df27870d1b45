import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { lockOf } from '../../src/activities/plan/entity-lock.js';
import { loadRequest } from '../../src/client/request.js';
import type { DesiredEntity, JsonObject, Target } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import type { BootstrapRequest, ReconcileRequest } from '../../src/contract/request.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { desired } from '../support/desired.js';
import { hold } from '../support/hold.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { outcomesOf, writesIn } from '../support/runs.js';
import { temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type WorkerProcess } from '../support/world.js';

/**
 * Attacks by a client that speaks to Temporal directly, as any CI job can that may start a run. Each is played against a
 * worker with guardrails, where not one write may arrive at AWS, and against one without, where it succeeds: a test that
 * could not fail would prove nothing.
 */

const PERMIT_KEY = 'a key of at least thirty-two characters';
const GUARDED = 'guarded';
const OPEN = 'open';

const ANYONE = trusting({ AWS: '*' });
const EVERYTHING = allowing('*:*');
const RULES = `version: 1
accounts: { "${ACCOUNT}": { environments: [prod] } }
namespaces: [ci]
entities: { names: ["ci-*"] }
grants: { denyWildcardAction: true, denyActions: ["iam:*User*"] }
trust: { denyAnyone: true }
adopt: { foreign: deny }
`;

let file: string;
let guarded: WorkerProcess;

useWorld({ worker: false });

beforeAll(async () => {
  file = join(world.directory, 'guardrails.yaml');
  await writeFile(file, RULES);
  guarded = await startGuarded();
  await world.startWorker({ IAM_BOOTSTRAP_TASK_QUEUE: OPEN });
});

function startGuarded(more: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> {
  return world.startWorker({
    IAM_BOOTSTRAP_TASK_QUEUE: GUARDED,
    IAM_BOOTSTRAP_GUARDRAILS: file,
    IAM_BOOTSTRAP_PERMIT_KEY: PERMIT_KEY,
    ...more,
  });
}

beforeEach(() => writeFile(file, RULES));

async function requestOf(
  entities: readonly JsonObject[],
  {
    namespace = 'ci',
    target = {},
    ...more
  }: Partial<Omit<BootstrapRequest, 'target'>> & { readonly target?: Partial<Target> } = {},
): Promise<BootstrapRequest> {
  const path = await world.manifest('attack.json', manifestOf({ namespace, account: ACCOUNT, entities }));
  const loaded = await loadRequest([path]);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { request } = loaded;
  return { ...request, environment: 'prod', ...more, target: { ...request.target, ...target } };
}

/** Returns how a run ended: its result, or the type and message of its failure. */
async function play(
  taskQueue: string,
  workflowType: string,
  workflowId: string,
  request: unknown,
): Promise<{
  readonly result?: unknown;
  readonly type?: string | null | undefined;
  readonly message?: string;
  readonly details?: unknown;
}> {
  try {
    return { result: await temporal.client.workflow.execute(workflowType, { taskQueue, workflowId, args: [request] }) };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    return { type: error.cause.type, message: error.cause.message, details: error.cause.details };
  }
}

function bootstrap(taskQueue: string, request: BootstrapRequest): ReturnType<typeof play> {
  const workflowId = bootstrapWorkflowId(request.target.account, request.namespace);
  return play(taskQueue, WorkflowType.Bootstrap, workflowId, request);
}

describe('a bootstrap run', () => {
  test.each<[string, readonly JsonObject[], Parameters<typeof requestOf>[1], string]>([
    [
      'in the namespace of another team',
      [role('ci-x')],
      { namespace: 'payments' },
      'namespace payments is not allowed: ci',
    ],
    [
      'in another account, by a role of its choice',
      [role('ci-x')],
      { target: { account: '222222222222', assumeRole: 'arn:aws:iam::222222222222:role/admin' } },
      'account 222222222222 is not allowed',
    ],
    [
      'by a role of its choice',
      [role('ci-x')],
      { target: { assumeRole: `arn:aws:iam::${ACCOUNT}:role/admin` } },
      'in account 111111111111 no role may be assumed',
    ],
    [
      'for a role that everyone can assume',
      [role('ci-x', { assumeRolePolicyDocument: ANYONE })],
      {},
      'trusts everyone',
    ],
    ['for a role that may do everything', [role('ci-x', { inlinePolicies: { all: EVERYTHING } })], {}, 'allows *:*'],
    ['for an entity of another name', [role('payments-deploy')], {}, 'has a name that is not allowed: ci-*'],
  ])('%s writes nothing under guardrails, and succeeds without', async (_what, entities, parts, message) => {
    const request = await requestOf(entities, parts);
    const refused = await bootstrap(GUARDED, request);
    expect(refused).toMatchObject({ type: 'RunRefused' });
    expect(JSON.stringify(refused.details)).toContain(message);
    expect(writesIn(world)).toEqual([]);
    expect(world.proxy.calls.filter(({ action }) => action === 'AssumeRole')).toEqual([]);

    const { result } = await bootstrap(OPEN, request);
    expect(Object.values(outcomesOf(result as Report))).toEqual(['created']);
  });

  test('that keeps to the guardrails converges, and its report names them', async () => {
    const entities = [
      role('ci-deploy', { managedPolicyArns: ['{{arn Policy/ci-read}}'], tags: { team: 'ci' } }),
      {
        kind: 'Policy',
        policyName: 'ci-read',
        policyDocument: allowing('s3:Get*'),
      },
      { kind: 'User', userName: 'ci-robot' },
      { kind: 'AccessKey', userName: 'ci-robot', secret: { file: 'robot' } },
    ];
    const first = await bootstrap(GUARDED, await requestOf(entities));
    expect(first.result).toMatchObject({
      result: 'converged',
      guardrails: expect.stringMatching(/^sha256:/) as string,
    });
    expect(new Set(Object.values(outcomesOf(first.result as Report)))).toEqual(new Set(['created']));
    const changed = entities.map((entity, index) =>
      index === 0 ? { ...entity, description: 'new', tags: { team: 'other' } } : entity,
    );
    const second = await bootstrap(GUARDED, await requestOf(changed));
    expect(outcomesOf(second.result as Report)).toMatchObject({
      'Role/ci-deploy': 'updated',
      'Policy/ci-read': 'unchanged',
    });
    const absent = [
      { kind: 'Role', roleName: 'ci-deploy', state: 'absent' },
      { kind: 'AccessKey', userName: 'ci-robot', secret: { file: 'robot' }, state: 'absent' },
    ];
    const third = await bootstrap(GUARDED, await requestOf(absent));
    expect(outcomesOf(third.result as Report)).toEqual({
      'Role/ci-deploy': 'deleted',
      'AccessKey/ci-robot': 'deleted',
    });
  });
});

describe('an entity run that a client starts by itself', () => {
  const entity: DesiredEntity = desired('Role', 'ci-x', { roleName: 'ci-x', assumeRolePolicyDocument: trusting() });
  const request: ReconcileRequest = {
    target: { account: ACCOUNT, partition: 'aws' },
    namespace: 'ci',
    environment: 'prod',
    entity,
    action: 'create',
    planned: { action: 'create', lines: [] },
    approved: false,
    arns: {},
    intent: '11111111-2222-4333-8444-555555555555',
    readFirst: false,
  };
  const start = (taskQueue: string, given: ReconcileRequest): ReturnType<typeof play> =>
    play(taskQueue, WorkflowType.ReconcileEntity, lockOf(ACCOUNT, given.entity), given);

  test('under the right ID, writes nothing under guardrails, and succeeds without', async () => {
    expect(await start(GUARDED, request)).toMatchObject({
      type: 'Refused',
      message: "Role/ci-x: no plan of this worker's bootstrap runs has permitted to write Role/ci-x so",
    });
    expect(writesIn(world)).toEqual([]);
    expect(await start(OPEN, request)).toMatchObject({ result: { report: { outcome: 'created' } } });
  });

  test('with the permit of a run, is no run of it, nor may it change what is permitted', async () => {
    // The run waits for the policy that the role needs, so that the permit of the role is in its history, and unused.
    const policy = hold(world.proxy, { action: 'CreatePolicy' });
    const waiting = await requestOf([
      { kind: 'Policy', policyName: 'ci-read', policyDocument: allowing('s3:Get*') },
      role('ci-x', { managedPolicyArns: ['{{arn Policy/ci-read}}'] }),
    ]);
    const workflowId = bootstrapWorkflowId(ACCOUNT, 'ci');
    const options = { taskQueue: GUARDED, workflowId, args: [waiting] };
    const handle = await temporal.client.workflow.start(WorkflowType.Bootstrap, options);
    await policy.reached;
    const before = writesIn(world);
    const planned = await permitIn(handle.workflowId, handle.firstExecutionRunId, 'ci-x');
    const copied: ReconcileRequest = {
      ...request,
      entity: waiting.entities.find(({ name }) => name === 'ci-x') ?? entity,
      planned: { action: 'create', lines: planned.lines },
      arns: { 'Policy/ci-read': `arn:aws:iam::${ACCOUNT}:policy/ci-read` },
      intent: handle.firstExecutionRunId,
      installation: planned.installation,
      permit: planned.permit,
    };
    expect((await start(GUARDED, copied)).message).toContain('is written by entity runs of its bootstrap run');
    const forgeries: Partial<ReconcileRequest>[] = [
      { approved: true },
      { planned: { ...copied.planned, action: 'delete' } },
      { intent: request.intent },
      { entity: { ...copied.entity, adopt: 'own' } },
      { entity: { ...copied.entity, spec: { ...copied.entity.spec, description: 'another' } } },
      { listFirst: true },
      { arns: { 'Policy/x': 'arn:aws:iam::aws:policy/ReadOnlyAccess' } },
      { environment: 'dev' },
    ];
    for (const forged of forgeries) {
      expect((await start(GUARDED, { ...copied, ...forged })).message).toContain('has permitted to write');
    }
    const known = { ...copied, known: ['AKIAOTHER'] };
    expect((await start(GUARDED, known)).message).toContain('no worker has listed');
    expect(writesIn(world)).toEqual(before);
    await handle.cancel();
    policy.release();
    await expect(handle.result()).rejects.toThrow();
  });
});

test('an activity that a client starts without a workflow does nothing, whatever it is', async () => {
  const request = await requestOf([role('ci-x')]);
  const { target, namespace } = request;
  const entities = request.entities;
  const start = (type: string, argument: unknown, taskQueue: string): Promise<unknown> =>
    temporal.client.activity.execute(type, {
      id: `${type} ${taskQueue}`,
      taskQueue,
      args: [argument],
      startToCloseTimeout: '30s',
    });
  for (const taskQueue of [GUARDED, OPEN]) {
    for (const [type, argument] of [
      ['planEntities', request],
      ['verifyEntities', { request: { target, namespace }, entities, arns: {} }],
      ['gatherEvidence', { target, entities, requestId: null, from: request.key, to: request.key }],
      ['lookUpEntities', { target, entities: [] }],
      ['captureAccount', { target, captureId: 'x', filter: {}, after: null }],
      ['createEntity', { target, namespace, entity: entities[0], arns: {} }],
      ['claimEntities', { account: ACCOUNT, runId: 'x', take: [], drop: [] }],
      ['endEntityRuns', []],
    ] as const) {
      await expect(start(type, argument, taskQueue)).rejects.toMatchObject({
        cause: { type: 'NotAllowed', message: `the activity ${type} runs in workflows only` },
      });
    }
  }
  expect(world.proxy.calls).toEqual([]);
});

/** The part of a plan that everyone can read in the history of its run. */
interface ReadPlan {
  readonly entities?: readonly { readonly name: string; readonly permit: string; readonly lines: readonly string[] }[];
  readonly installation: string;
}

/** Returns what the plan of a run permits for an entity. */
async function permitIn(
  workflowId: string,
  runId: string,
  name: string,
): Promise<{ readonly permit: string; readonly lines: readonly string[]; readonly installation: string }> {
  for (;;) {
    const { events } = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const { activityTaskCompletedEventAttributes } of events ?? []) {
      // A plan of two entities is too small to be compressed.
      const [payload] = activityTaskCompletedEventAttributes?.result?.payloads ?? [];
      const { entities, installation } = JSON.parse(Buffer.from(payload?.data ?? '{}').toString()) as ReadPlan;
      const planned = entities?.find((entity) => entity.name === name);
      if (planned !== undefined) return { ...planned, installation };
    }
    await pause(100);
  }
}

test('a file that changes counts from the next write on, and a broken one stops all writes until it is repaired', async () => {
  const apply = async (name: string): Promise<unknown> =>
    (await bootstrap(GUARDED, await requestOf([role(name)]))).result;
  expect(await apply('ci-a')).toMatchObject({ result: 'converged' });
  await writeFile(file, RULES.replace('namespaces: [ci]', 'namespaces: [other]'));
  const refused = await bootstrap(GUARDED, await requestOf([role('ci-b')]));
  expect(JSON.stringify(refused.details)).toContain('namespace ci is not allowed: other');

  world.proxy.clear();
  await writeFile(file, `${RULES}destory: deny\n`);
  const waiting = apply('ci-c');
  while (!guarded.log().includes('Guardrails cannot be used')) await pause(50);
  expect(writesIn(world)).toEqual([]);
  await writeFile(file, RULES);
  expect(await waiting).toMatchObject({ result: 'converged' });
});

test('a worker does not start with a broken file or without a key, and says why', async () => {
  const start = async (more: Readonly<Record<string, string>>): Promise<string> => {
    const { code, stderr } = await world.cli(['worker'], {
      IAM_BOOTSTRAP_TASK_QUEUE: 'none',
      IAM_BOOTSTRAP_GUARDRAILS: file,
      ...more,
    });
    expect(code).not.toBe(0);
    return stderr;
  };
  expect(await start({})).toContain('IAM_BOOTSTRAP_GUARDRAILS is set without a permit key');
  expect(await start({ IAM_BOOTSTRAP_PERMIT_KEY: 'short' })).toContain('a key of less than 32 characters');
  await writeFile(file, 'version: 2\n');
  const stderr = await start({ IAM_BOOTSTRAP_PERMIT_KEY: PERMIT_KEY });
  expect(stderr).toContain('the guardrails are invalid: guardrails.yaml:1:10: version 2 is not 1');
});

// Plays the paths of every workflow type against a real Temporal server, worker and sandbox, and keeps the histories of
// this version under test/replay/histories. Run once for a release: npm run build && npm run record:histories
import { CreateRoleCommand, DeleteRoleCommand } from '@aws-sdk/client-iam';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { decideApproval } from '../src/client/approval.js';
import { connectTemporal } from '../src/temporal/connect.js';
import type { TemporalConnection } from '../src/temporal/connect.js';
import { loadRequest } from '../src/client/request.js';
import { apply, plan } from '../src/client/run/start.js';
import { loadConfig } from '../src/config/config.js';
import type { Json, JsonObject } from '../src/contract/entity.js';
import { ApprovalAction } from '../src/contract/approval.js';
import { bootstrapWorkflowId, WorkflowType } from '../src/contract/workflow-ids.js';
import type { BootstrapRequest } from '../src/contract/request.js';
import type { ApprovalAction as AnswerName } from '../src/contract/approval.js';
import type { Report } from '../src/contract/report.js';
import { allowing, manifestOf, role, trusting } from '../test/support/manifests-of.js';
import { iamClient } from '../test/support/sandbox.js';
import { ACCOUNT, startWorld } from '../test/support/world.js';
import type { World } from '../test/support/world.js';

const ROOT = resolve(__dirname, '..');
const HISTORIES = join(ROOT, 'test/replay/histories');

/** How workers and clients call themselves, also in the names of task queues. */
const PROCESS = new RegExp(String.raw`\b\d+@${hostname()}`, 'g');

const PIPELINE = {
  provider: 'github',
  url: 'https://github.com/acme/infra/actions/runs/1',
  commit: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  actor: 'octocat',
};

/** One path: what was there before, what is run, and how it has to end for the history to be of this path. */
interface Path {
  readonly name: string;
  before?(stage: Stage): Promise<unknown>;
  play(stage: Stage): Promise<string>;
  readonly ends: string;
}

interface RequestParts {
  readonly namespace?: string;
  readonly account?: string;
  /** Another account than the sandbox's own is reached by a role in it. */
  readonly assumed?: boolean;
  readonly keepGoing?: boolean;
  readonly command?: 'release' | 'destroy';
  readonly approvalTimeoutMs?: number;
  readonly revision?: number;
}

/** What paths are played with. */
class Stage {
  constructor(
    readonly world: World,
    readonly temporal: TemporalConnection,
  ) {}

  async request(
    entities: readonly JsonObject[],
    {
      namespace = 'recorded',
      account = ACCOUNT,
      assumed = false,
      keepGoing = false,
      command,
      approvalTimeoutMs,
      revision,
    }: RequestParts = {},
  ): Promise<BootstrapRequest> {
    await this.world.manifest('iam.json', manifestOf({ namespace, account, assumed, entities }));
    const { directory: cwd } = this.world;
    const approval = approvalTimeoutMs === undefined ? undefined : { timeoutMs: approvalTimeoutMs };
    const options = { cwd, keepGoing, command, approval, revision, variables: {}, pipeline: PIPELINE };
    const loaded = await loadRequest(['iam.json'], options);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    return loaded.request;
  }

  async apply(...args: Parameters<Stage['request']>): Promise<string> {
    return told(await apply(this.temporal, await this.request(...args)));
  }

  /** Applies what waits for an approval, and has somebody answer once the plan is there. */
  async gated(
    entities: readonly JsonObject[],
    answer: (plan: string) => Promise<unknown>,
    approvalTimeoutMs = 600_000,
  ): Promise<string> {
    let opened: (plan: string) => void = () => undefined;
    const open = new Promise<string>((resolve) => (opened = resolve));
    const applied = apply(this.temporal, await this.request(entities, { approvalTimeoutMs }), {
      onEvent: (event) => {
        if (event.type === 'awaiting-approval') opened(event.approval.plan);
      },
    });
    await answer(await open);
    const report = await applied;
    return `${told(report)}; ${report.approval?.verdict ?? ''}`;
  }

  answer(name: AnswerName, plan: string): Promise<unknown> {
    const place = { account: ACCOUNT, namespace: 'recorded' };
    return decideApproval(this.temporal, place, name, { plan, by: 'alice', reason: 'recorded' });
  }

  /** The run of the namespace. */
  run(): ReturnType<TemporalConnection['client']['workflow']['getHandle']> {
    return this.temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'recorded'));
  }

  async plan(...args: Parameters<Stage['request']>): Promise<string> {
    return told(await plan(this.temporal, await this.request(...args)));
  }

  /** Starts a workflow as a schedule or another tool does. */
  async start(type: string, workflowId: string, argument: unknown): Promise<{ ended: Promise<string> }> {
    const { client, taskQueue } = this.temporal;
    const handle = await client.workflow.start(type, { taskQueue, workflowId, args: [argument] });
    const ended = handle.result().then(
      (report: Report) => told(report),
      (error: unknown) => rootOf(error),
    );
    return { ended };
  }

  /** Makes a role beside the engine. */
  async role(RoleName: string, tags: Readonly<Record<string, string>> = {}, Path = '/'): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const AssumeRolePolicyDocument = JSON.stringify(trusting());
    await iamClient(this.world.sandbox.url).send(
      new CreateRoleCommand({ RoleName, Path, AssumeRolePolicyDocument, Tags }),
    );
  }

  async removeRole(RoleName: string): Promise<void> {
    await iamClient(this.world.sandbox.url).send(new DeleteRoleCommand({ RoleName }));
  }

  /** Does something before the first call of an action is carried out. */
  justBefore(action: string, act: () => Promise<unknown>): void {
    this.world.proxy.on({ action }, { kind: 'hook', times: 1, before: act });
  }

  /** Holds back an action; gives what tells that it has come, and what lets it go on. */
  hold(action: string): { readonly come: Promise<void>; release(): void } {
    let arrive = (): void => undefined;
    let release = (): void => undefined;
    const come = new Promise<void>((done) => (arrive = done));
    const released = new Promise<void>((done) => (release = done));
    this.justBefore(action, () => {
      arrive();
      return released;
    });
    return { come, release };
  }

  /** Returns when a workflow waits for an entity. */
  async waits(workflowId: string): Promise<void> {
    for (;;) {
      const { events } = await this.temporal.client.workflow.getHandle(workflowId).fetchHistory();
      if (events?.some((event) => event.timerStartedEventAttributes != null) === true) return;
      await pause(50);
    }
  }

  /** Cancels a workflow, and returns when the run of the namespace has taken note. */
  async cancel(workflowId: string): Promise<void> {
    const { client } = this.temporal;
    await client.workflow.getHandle(workflowId).cancel();
    const run = client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'recorded'));
    for (;;) {
      const { events } = await run.fetchHistory();
      const asked = events?.findIndex((event) => event.workflowExecutionCancelRequestedEventAttributes != null) ?? -1;
      const after = asked < 0 ? [] : (events?.slice(asked) ?? []);
      if (after.some((event) => event.workflowTaskCompletedEventAttributes != null)) return;
      await pause(50);
    }
  }
}

const readOnly = 'arn:{{partition}}:iam::aws:policy/ReadOnlyAccess';
const policy = (policyName: string): JsonObject => ({
  kind: 'Policy',
  policyName,
  policyDocument: allowing('s3:GetObject'),
});
const worker = role('worker', {
  inlinePolicies: { work: allowing('sqs:ReceiveMessage') },
  managedPolicyArns: ['{{arn Policy/read}}'],
});

const robot: JsonObject = { kind: 'User', userName: 'robot' };
const key = (secretsManager: string): JsonObject => ({
  kind: 'AccessKey',
  userName: 'robot',
  secret: { secretsManager },
});

const PATHS: readonly Path[] = [
  { name: 'plan', play: (stage) => stage.plan([policy('read'), worker]), ends: 'pending: pending pending' },
  {
    name: 'plan-of-nothing',
    before: (stage) => stage.apply([policy('read')]),
    play: (stage) => stage.plan([policy('read')]),
    ends: 'converged: unchanged',
  },
  {
    name: 'plan-of-another-account',
    play: (stage) => stage.plan([role('far')], { account: '222222222222' }),
    ends: 'refused: ',
  },
  {
    // Its argument is large, and therefore compressed.
    name: 'plan-of-much',
    play: (stage) =>
      stage.plan(
        Array.from({ length: 20 }, (_, index) => {
          const Action = Array.from({ length: 250 }, (_action, nth) => `service:ReadThingNumber${String(nth)}`);
          const work = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] };
          return role(`large-${String(index)}`, { inlinePolicies: { work } });
        }),
      ),
    ends: `pending:${' pending'.repeat(20)}`,
  },
  {
    name: 'created',
    play: (stage) =>
      stage.apply([
        policy('read'),
        worker,
        { kind: 'User', userName: 'alice' },
        { kind: 'Group', groupName: 'people', users: ['alice'], managedPolicyArns: [readOnly] },
        { kind: 'InstanceProfile', instanceProfileName: 'worker', roles: ['worker'] },
        { kind: 'OpenIDConnectProvider', url: 'https://ci.example.com', clientIdList: ['sts.amazonaws.com'] },
      ]),
    ends: 'converged: created created created created created created',
  },
  {
    name: 'nothing-to-do',
    before: (stage) => stage.apply([policy('read'), worker]),
    play: (stage) => stage.apply([policy('read'), worker]),
    ends: 'converged: unchanged unchanged',
  },
  {
    name: 'adopted-and-updated',
    before: async (stage) => {
      await stage.apply([role('changed', { description: 'before' })]);
      await stage.role('found');
    },
    play: (stage) => stage.apply([role('changed', { description: 'after' }), role('found')]),
    ends: 'converged: updated adopted',
  },
  {
    name: 'one-of-many-written',
    before: (stage) => stage.apply([role('same'), role('changed', { description: 'before' })]),
    play: (stage) =>
      stage.apply([
        { kind: 'InstanceProfile', instanceProfileName: 'new', roles: ['same'] },
        role('same'),
        role('changed', { description: 'after' }),
      ]),
    ends: 'converged: created unchanged updated',
  },
  {
    name: 'refused-at-plan',
    before: (stage) => stage.role('theirs', { 'pulumi:project': 'infra' }),
    play: (stage) => stage.apply([role('theirs'), role('ours')]),
    ends: 'refused: refused skipped',
  },
  {
    name: 'refused-and-kept-going',
    before: (stage) => stage.role('theirs', { 'pulumi:project': 'infra' }),
    play: (stage) => stage.apply([role('theirs'), role('ours')], { keepGoing: true }),
    ends: 'refused: refused created',
  },
  {
    name: 'conflict-adopted',
    play: (stage) => {
      stage.justBefore('CreateRole', () => stage.role('contested'));
      return stage.apply([role('contested', { inlinePolicies: { work: allowing('s3:GetObject') } })]);
    },
    ends: 'converged: adopted',
  },
  {
    name: 'conflict-refused',
    play: (stage) => {
      stage.justBefore('CreateRole', () => stage.role('contested', { 'pulumi:project': 'infra' }));
      return stage.apply([role('contested')]);
    },
    ends: 'refused: refused',
  },
  {
    name: 'reply-lost',
    play: (stage) => {
      stage.world.proxy.on({ action: 'CreateRole' }, { kind: 'reset-after', times: 1 });
      return stage.apply([role('lost', { inlinePolicies: { work: allowing('s3:GetObject') } })]);
    },
    ends: 'converged: created',
  },
  {
    name: 'throttled',
    play: (stage) => {
      stage.world.proxy.on({ action: 'CreateRole' }, { kind: 'throttle', times: 5 });
      return stage.apply([role('patient')]);
    },
    ends: 'converged: created',
  },
  {
    name: 'failed-and-dependents-skipped',
    play: (stage) => {
      stage.world.proxy.on({ action: 'CreatePolicy' }, { kind: 'error', status: 409, code: 'LimitExceeded' });
      return stage.apply([policy('read'), worker, role('alone')]);
    },
    ends: 'failed: failed skipped created',
  },
  {
    name: 'not-verified',
    play: (stage) => {
      const denied = { kind: 'error', status: 403, code: 'AccessDenied' } as const;
      stage.world.proxy.on(
        { action: 'CreateRole' },
        { kind: 'hook', times: 1, after: () => stage.world.proxy.on({ action: /^(Get|List)/ }, denied) },
      );
      return stage.apply([role('unseen')]);
    },
    ends: 'failed: failed',
  },
  {
    name: 'gone-and-created-again',
    before: (stage) => stage.apply([role('gone', { description: 'before' })]),
    play: (stage) => {
      stage.justBefore('GetRole', () => stage.removeRole('gone'));
      return stage.apply([role('gone', { description: 'after' })]);
    },
    ends: 'converged: created',
  },
  {
    name: 'deleted',
    before: (stage) => stage.apply([policy('read'), worker]),
    play: (stage) =>
      stage.apply([
        { kind: 'Role', roleName: 'worker', state: 'absent' },
        { kind: 'Policy', policyName: 'read', state: 'absent' },
      ]),
    ends: 'converged: deleted deleted',
  },
  {
    name: 'cancelled',
    play: async (stage) => {
      const create = stage.hold('CreatePolicy');
      const request = await stage.request([policy('read'), worker]);
      const lock = bootstrapWorkflowId(ACCOUNT, 'recorded');
      const { ended } = await stage.start(WorkflowType.Bootstrap, lock, request);
      await create.come;
      await stage.cancel(lock);
      create.release();
      return ended;
    },
    ends: 'Workflow canceled',
  },
  {
    name: 'entity-waited-for',
    play: async (stage) => {
      const create = stage.hold('CreateRole');
      const winner = stage.apply([role('wanted')]);
      await create.come;
      const loser = stage.apply([role('wanted')], { namespace: 'recorded-too' });
      // Long enough for the doubled wait.
      await pause(1_500);
      create.release();
      return `${await winner}; ${await loser}`;
    },
    ends: 'converged: created; refused: refused',
  },
  {
    name: 'cancelled-while-it-waits',
    play: async (stage) => {
      const create = stage.hold('CreateRole');
      const winner = stage.apply([role('wanted')], { namespace: 'recorded-too' });
      await create.come;
      const lock = bootstrapWorkflowId(ACCOUNT, 'recorded');
      const { ended } = await stage.start(WorkflowType.Bootstrap, lock, await stage.request([role('wanted'), robot]));
      await stage.waits(lock);
      await stage.cancel(lock);
      create.release();
      return `${await winner}; ${await ended}`;
    },
    ends: 'converged: created; Workflow canceled',
  },
  {
    name: 'removed-again-and-again',
    before: (stage) => stage.apply([role('gone', { description: 'before' })]),
    play: (stage) => {
      // The plan reads by a listing. A step that finds nothing looks six times, and the next one, which would create, once.
      let looks = 0;
      const toggle = async (): Promise<void> => {
        if (looks % 7 === 0) await stage.removeRole('gone');
        if (looks % 7 === 6) await stage.role('gone');
        looks += 1;
      };
      stage.world.proxy.on({ action: 'GetRole' }, { kind: 'hook', before: toggle });
      return stage.apply([role('gone', { description: 'after' })]);
    },
    ends: 'failed: failed',
  },
  {
    name: 'found-to-be-replaced',
    before: (stage) => stage.apply([role('moved', { description: 'before' })]),
    play: (stage) => {
      stage.justBefore('GetRole', async () => {
        await stage.removeRole('moved');
        await stage.role('moved', { 'iam-bootstrap:namespace': 'recorded' }, '/elsewhere/');
      });
      return stage.apply([role('moved', { description: 'after', path: '/', replace: true })]);
    },
    ends: 'converged: replaced',
  },
  {
    name: 'replaced',
    before: (stage) => stage.apply([policy('read'), worker]),
    play: (stage) => stage.apply([{ ...policy('read'), description: 'reads', replace: true }, worker]),
    ends: 'converged: replaced updated',
  },
  {
    name: 'released',
    before: (stage) => stage.apply([policy('read'), worker]),
    play: (stage) => stage.apply([policy('read'), worker], { command: 'release' }),
    ends: 'converged: released released',
  },
  {
    name: 'destroyed',
    before: async (stage) => {
      await stage.role('theirs');
      return stage.apply([policy('read'), worker, role('theirs')]);
    },
    play: (stage) => stage.apply([policy('read'), worker, role('theirs')], { command: 'destroy' }),
    ends: 'converged: deleted deleted released',
  },
  {
    name: 'secret-stored',
    play: (stage) => stage.apply([robot, key('robot/key')]),
    ends: 'converged: created created',
  },
  {
    name: 'secret-lost-and-made-again',
    before: (stage) => stage.apply([robot]),
    play: (stage) => {
      stage.world.proxy.on({ action: 'CreateAccessKey' }, { kind: 'reset-after', times: 1 });
      return stage.apply([robot, key('robot/lost')]);
    },
    ends: 'converged: unchanged created',
  },
  {
    name: 'taken-elsewhere',
    before: (stage) =>
      stage.apply([{ kind: 'AccountAlias', accountAliases: ['acme'] }], { account: '222222222222', assumed: true }),
    play: (stage) => stage.apply([{ kind: 'AccountAlias', accountAliases: ['acme'] }]),
    ends: 'refused: refused',
  },
  {
    name: 'of-another-account',
    play: (stage) => stage.apply([role('far')], { account: '222222222222' }),
    ends: 'refused: ',
  },
  {
    name: 'scheduled',
    play: async (stage) => {
      const request = await stage.request([role('nightly')]);
      const { ended } = await stage.start(WorkflowType.Bootstrap, 'nightly-2024-01-01T00:00:00Z', request);
      return ended;
    },
    ends: 'converged: created',
  },
  {
    name: 'scheduled-and-waited',
    play: async (stage) => {
      const create = stage.hold('CreateRole');
      const first = stage.apply([role('nightly')]);
      await create.come;
      const request = await stage.request([role('nightly')]);
      const { ended } = await stage.start(WorkflowType.Bootstrap, 'nightly-2024-01-02T00:00:00Z', request);
      await pause(1_500);
      create.release();
      return `${await first}; ${await ended}`;
    },
    ends: 'converged: created; converged: unchanged',
  },
  {
    name: 'scheduled-and-refused',
    before: (stage) => stage.role('theirs', { 'pulumi:project': 'infra' }),
    play: async (stage) => {
      const request = await stage.request([role('theirs')]);
      const { ended } = await stage.start(WorkflowType.Bootstrap, 'nightly-2024-01-03T00:00:00Z', request);
      return ended;
    },
    ends: '1 refused',
  },
  {
    name: 'scheduled-and-cancelled',
    play: async (stage) => {
      const create = stage.hold('CreatePolicy');
      const request = await stage.request([policy('read'), worker]);
      const { ended } = await stage.start(WorkflowType.Bootstrap, 'nightly-2024-01-04T00:00:00Z', request);
      await create.come;
      await stage.cancel('nightly-2024-01-04T00:00:00Z');
      create.release();
      return ended;
    },
    ends: 'Workflow canceled',
  },
  {
    name: 'approved',
    play: (stage) => stage.gated([role('asked')], (plan) => stage.answer(ApprovalAction.Approve, plan)),
    ends: 'converged: created; approved',
  },
  {
    name: 'approved-by-signal',
    play: (stage) =>
      stage.gated([role('asked')], async (plan) => {
        await stage.run().signal(ApprovalAction.Approve, 'no answer');
        await stage.run().signal(ApprovalAction.Approve, { plan, by: 'bob' });
      }),
    ends: 'converged: created; approved',
  },
  {
    name: 'rejected',
    play: (stage) => stage.gated([role('asked')], (plan) => stage.answer(ApprovalAction.Reject, plan)),
    ends: 'refused: skipped; rejected',
  },
  {
    name: 'approval-expired',
    play: (stage) => stage.gated([role('asked')], () => Promise.resolve(), 2_000),
    ends: 'refused: skipped; expired',
  },
  {
    name: 'approved-and-changed',
    play: (stage) =>
      stage.gated([role('asked')], async (plan) => {
        await stage.role('asked');
        await stage.answer(ApprovalAction.Approve, plan);
      }),
    ends: 'refused: skipped; approved',
  },
  {
    name: 'cancelled-while-it-waits-for-approval',
    play: (stage) => stage.gated([role('asked')], () => stage.run().cancel()),
    ends: 'cancelled: skipped; cancelled',
  },
  {
    name: 'older-refused',
    play: async (stage) => {
      const namespace = 'recorded-revisions';
      const newer = await stage.apply([role('newer')], { namespace, revision: 2 });
      return `${newer}; ${await stage.apply([role('older')], { namespace, revision: 1 })}`;
    },
    ends: 'converged: created; refused: skipped',
  },
  {
    name: 'no-request',
    play: async (stage) => {
      const ended = [WorkflowType.Bootstrap, WorkflowType.Plan].map(
        async (type) => (await stage.start(type, `by-hand-${type}`, { manifest: 'iam.yaml' })).ended,
      );
      return (await Promise.all(ended)).map((reason) => reason.slice(0, 15)).join('; ');
    },
    ends: 'the argument is; the argument is',
  },
];

function told({ result, entities }: Report): string {
  return `${result}: ${entities.map(({ outcome }) => outcome).join(' ')}`;
}

function rootOf(error: unknown): string {
  let root = error;
  while (root instanceof Error && root.cause !== undefined) root = root.cause;
  return root instanceof Error ? root.message : String(root);
}

async function main(): Promise<void> {
  const only = process.argv.slice(2);
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const folder = join(HISTORIES, version);
  if (only.length === 0) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const world = await startWorld();
  try {
    await world.startWorker();
    const temporal = await connectTemporal(loadConfig(world.env));
    try {
      const stage = new Stage(world, temporal);
      for (const path of PATHS) {
        if (only.length === 0 || only.includes(path.name)) await record(stage, path, folder);
      }
    } finally {
      await temporal.close();
    }
  } finally {
    await world.stop();
  }
}

async function record(stage: Stage, path: Path, folder: string): Promise<void> {
  const { sandbox, proxy } = stage.world;
  await sandbox.reset();
  await path.before?.(stage);
  const before = new Set((await runs(stage)).map(({ runId }) => runId));
  const end = await path.play(stage);
  proxy.clearRules();
  if (end !== path.ends) throw new Error(`${path.name} ended as ${end}, not as ${path.ends}`);
  const seen = new Map<string, number>();
  let bytes = 0;
  for (const { workflowId, runId, type } of await runs(stage)) {
    if (before.has(runId)) continue;
    const nth = (seen.get(type) ?? 0) + 1;
    seen.set(type, nth);
    const history = await stage.temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    const { events } = JSON.parse(historyToJSON(history)) as { events: Json[] };
    const lines = events.map((event) => JSON.stringify(anonymous(event, stage.world.directory)));
    const text = `{"events":[\n${lines.join(',\n')}\n]}\n`;
    bytes += text.length;
    await writeFile(join(folder, `${path.name}.${type}${nth === 1 ? '' : `-${String(nth)}`}.json`), text);
  }
  const kinds = [...seen].map(([type, count]) => `${String(count)} ${type}`).join(', ');
  console.log(`${path.name}: ${end.slice(0, 80)} (${kinds}; ${String(Math.ceil(bytes / 1024))} KiB)`);
}

/** Every run that the server knows, the oldest first, once all have ended. */
async function runs({ temporal }: Stage): Promise<{ workflowId: string; runId: string; type: string }[]> {
  for (;;) {
    const all = [];
    for await (const run of temporal.client.workflow.list()) all.push(run);
    // A ledger never ends.
    if (all.some(({ status, type }) => status.name === 'RUNNING' && type !== WorkflowType.Ledger)) {
      await pause(50);
      continue;
    }
    return all.sort((a, b) => Number(a.startTime) - Number(b.startTime) || a.workflowId.localeCompare(b.workflowId));
  }
}

/** An event without the names of the machine, its folders and its processes. */
function anonymous(value: Json, folder: string): Json {
  if (typeof value === 'string') {
    const clean = value.replaceAll(`${ROOT}/`, '').replace(PROCESS, '1@worker');
    if (clean.includes(folder)) throw new Error(`a history names this machine's folders: ${clean}`);
    return clean;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one: Json) => anonymous(one, folder));
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (key !== 'data' || typeof one !== 'string') return [key, anonymous(one, folder)];
      const text = Buffer.from(one, 'base64').toString();
      if ([folder, ROOT].some((name) => text.includes(name))) throw new Error(`a payload names folders: ${text}`);
      return [key, one];
    }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import { readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { temporal as proto } from '@temporalio/proto';
import { WorkflowType } from '../../src/contract/workflow-ids.js';
import { manifestOf, requestOf, role } from '../support/manifests-of.js';
import { outcomesOf } from '../support/runs.js';
import { runs, temporal, useWorld, worker, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/**
 * What a client can do that speaks Temporal's protocol directly: it sends what no client library would send, to the task
 * queue and to the workflow IDs that iam-bootstrap uses.
 */

useWorld();

/** The time within which a run that cannot be carried out has to end by itself. */
const REFUSAL_MS = 60_000;

function json(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value);
}

function payload(encoding: string, data: string | Uint8Array): Payload {
  return { metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) };
}

/** Compresses a payload as the codec does. */
function compressed(inner: Payload): Payload {
  return payload('binary/gzip', gzipSync(proto.api.common.v1.Payload.encode(inner).finish()));
}

interface RawStart {
  readonly type: string;
  readonly argument: Payload;
  readonly workflowId?: string;
  readonly memo?: Payload;
  readonly taskQueue?: string;
}

/** Starts a run by the protocol, with payloads that the client library would not send. Returns its workflow ID. */
async function startRaw({
  type,
  argument,
  memo,
  workflowId = `raw-${randomUUID()}`,
  taskQueue,
}: RawStart): Promise<string> {
  const { client } = temporal;
  await client.workflowService.startWorkflowExecution({
    namespace: client.options.namespace,
    workflowId,
    workflowType: { name: type },
    taskQueue: { name: taskQueue ?? temporal.taskQueue },
    input: { payloads: [argument] },
    ...(memo === undefined ? {} : { memo: { fields: { digest: memo } } }),
    identity: 'hostile',
    requestId: randomUUID(),
  });
  return workflowId;
}

/** Returns the message at the bottom of the failure that ended a run, or `still open`. */
async function endOf(workflowId: string): Promise<string> {
  const { client } = temporal;
  const ended = client.workflow
    .getHandle(workflowId)
    .result()
    .then(
      (result) => `completed: ${JSON.stringify(result).slice(0, 200)}`,
      (error: unknown) => {
        let at = error as { readonly message: string; readonly cause?: unknown };
        while (at.cause !== undefined && at.cause !== null) at = at.cause as typeof at;
        return at.message;
      },
    );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      resolve('still open');
    }, REFUSAL_MS);
  });
  const message = await Promise.race([ended, late]);
  clearTimeout(timer);
  return message;
}

/** Returns the most memory that a process has used, in MB. */
async function peakMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024);
}

describe('payloads that nobody can read', () => {
  const sound = json({ version: 1 });
  const gzip = compressed(sound);

  const UNREADABLE: readonly (readonly [string, Payload, RegExp])[] = [
    ['is no JSON', payload('json/plain', '{"version": 1,'), /not valid JSON/],
    ['has an encoding that nobody knows', payload('binary/encrypted', 'x'), /encoding binary\/encrypted/],
    ['has no encoding', { data: Buffer.from('{}') }, /no encoding/],
    ['is broken gzip', { ...gzip, data: (gzip.data ?? new Uint8Array()).slice(0, -9) }, /cannot be decompressed/],
    ['was never compressed', payload('binary/gzip', '{"version":1}'), /cannot be decompressed/],
    ['holds no payload', payload('binary/gzip', gzipSync(Buffer.alloc(64, 0xff))), /holds no payload/],
    ['is compressed twice', compressed(gzip), /compressed twice/],
    [
      'grows to 400 MB',
      compressed(payload('json/plain', Buffer.alloc(400_000_000, ' '))),
      /more than 45,000,000 bytes/,
    ],
    ['is a list of 15 million lists', compressed(payload('json/plain', `[${'[],'.repeat(14_900_000)}[]]`)), /values/],
  ];
  const TYPES = [
    WorkflowType.Bootstrap,
    WorkflowType.Plan,
    WorkflowType.ReconcileEntity,
    WorkflowType.Explain,
    WorkflowType.Ledger,
    WorkflowType.AccountLedger,
  ];

  test('end their runs, name what is wrong, and hold up no other run', async () => {
    const attacks = [
      ...UNREADABLE.map(([what, argument, expected], index) => {
        const type = TYPES[index % TYPES.length] ?? WorkflowType.Plan;
        return { what: `${type}: the argument ${what}`, start: { type, argument }, expected };
      }),
      ...UNREADABLE.slice(-2).flatMap(([what, argument, expected]) =>
        [1, 2, 3, 4, 5].map((count) => {
          return {
            what: `again (${String(count)}) ${what}`,
            start: { type: WorkflowType.Bootstrap, argument },
            expected,
          };
        }),
      ),
      {
        what: 'an unknown type',
        start: { type: 'invented', argument: sound },
        expected: /no workflow of type invented/,
      },
    ];
    expect(attacks).toHaveLength(20);
    // Nobody polls for these. They stand where runs look for what earlier ones left behind, and in the list of `status`.
    const memos = UNREADABLE.slice(0, 5).flatMap(([, memo], index) =>
      [`iam:${ACCOUNT}:Role:memo-${String(index)}`, `iam-bootstrap:${ACCOUNT}:memo-${String(index)}`].map(
        (workflowId) => ({
          type: workflowId.startsWith('iam:') ? WorkflowType.ReconcileEntity : WorkflowType.Bootstrap,
          ...{ argument: json({}), memo, workflowId, taskQueue: 'nobody' },
        }),
      ),
    );
    const left = await Promise.all(memos.map(startRaw));
    const ids = await Promise.all(attacks.map(({ start }) => startRaw(start)));
    const startedAt = Date.now();
    const report = await runs.apply([role('beside')], { namespace: 'beside' });
    expect([report.result, outcomesOf(report)]).toEqual(['converged', { 'Role/beside': 'created' }]);
    const besideMs = Date.now() - startedAt;
    const ends = await Promise.all(ids.map(endOf));
    const survived = attacks.flatMap(({ what, expected }, index) =>
      expected.test(ends[index] ?? '') ? [] : [`${what}: ${ends[index] ?? ''}`],
    );
    expect(survived).toEqual([]);
    expect(besideMs).toBeLessThan(30_000);
    expect(await peakMemory(worker.pid)).toBeLessThan(1_000);
    expect(await worker.isPolling()).toBe(true);
    const { code, stdout } = await world.cli(['status', '--output', 'json']);
    expect([code, (JSON.parse(stdout) as { runs: unknown[] }).runs.length]).toEqual([0, 6]);
    await Promise.all(left.map((id) => temporal.client.workflow.getHandle(id).terminate()));
  });

  test('signals, updates and queries with them do not stop a run', async () => {
    const { client } = temporal;
    const workflowId = `iam-bootstrap:${ACCOUNT}:signalled`;
    const { namespace } = client.options;
    const request = await requestOf(world, { namespace: 'signalled', account: ACCOUNT, entities: [role('signalled')] });
    const approval = { timeoutMs: 600_000 };
    await startRaw({ type: WorkflowType.Bootstrap, argument: json({ ...request, approval }), workflowId });
    for (const [, unreadable] of UNREADABLE.slice(0, 7)) {
      for (const signalName of ['approve', 'reject', 'join', 'unknown']) {
        await client.workflowService.signalWorkflowExecution({
          namespace,
          workflowExecution: { workflowId },
          signalName,
          input: { payloads: [unreadable] },
          requestId: randomUUID(),
        });
      }
    }
    const command = ['--account', ACCOUNT, '--namespace', 'signalled', '--reason', 'it still answers'];
    expect((await world.cli(['cancel', ...command])).code).toBe(0);
    expect(await endOf(workflowId)).toMatch(/canceled/);
  });
});

describe('requests that are wrong in one place', () => {
  test('end with the name of the place, and give their lock back', async () => {
    const request = await requestOf(world, { namespace: 'wrong', account: ACCOUNT, entities: [role('wrong')] });
    const withoutPipeline = { ...request, pipeline: undefined };
    const { target, namespace, entities } = request;
    const [entity] = entities;
    const child = { target, namespace, entity, action: 'create', arns: {}, approved: false, intent: 'run' };
    const tomorrow = Math.round(Date.now() / 1_000) + 2 * 24 * 3_600;
    const commitTime = 'commit-time' as const;
    const attacks: readonly (readonly [string, unknown, RegExp])[] = [
      ['bootstrap', { ...withoutPipeline, revision: { value: 1, source: 'given' } }, /pipeline: missing/],
      ['bootstrap', { ...request, pipeline: { provider: 5 } }, /pipeline\.provider: expected text/],
      ['bootstrap', { ...request, approval: null }, /approval: expected an object/],
      [
        'bootstrap',
        { ...request, approval: { timeoutMs: 'x' } },
        /approval\.timeoutMs: expected an integer above zero/,
      ],
      ['bootstrap', { ...request, timeoutMs: {} }, /timeoutMs: expected/],
      ['bootstrap', { ...request, entities: [null] }, /entities\[0\]: expected an object/],
      [
        'bootstrap',
        { ...request, entities: [{ ...entity, dependsOn: 5 }] },
        /entities\[0\]\.dependsOn: expected a list/,
      ],
      ['bootstrap', { ...request, revision: { value: 2 ** 53 - 1, source: 'given' } }, /no later one could follow it/],
      ['bootstrap', { ...request, revision: { value: tomorrow, source: commitTime } }, /more than a day in the future/],
      ['plan', withoutPipeline, /pipeline: missing/],
      ['reconcileEntity', { ...child, planned: { action: 'create' }, readFirst: false }, /planned\.lines: missing/],
      ['explain', { target, entities: [{}], requestId: null, from: '', to: '' }, /entities\[0\]\.kind: missing/],
      ['capture', { target, captureId: 'x', filter: {}, after: null }, /filter\.namespace: missing/],
      ['ledger', 'text', /not the content of a ledger: expected an object/],
      ['accountLedger', [], /not the content of a ledger: expected an object/],
    ];
    const survived: string[] = [];
    for (const [type, argument, expected] of attacks) {
      const workflowId = `iam-bootstrap:${ACCOUNT}:wrong`;
      const start = { type, argument: json(argument), ...(type === 'bootstrap' ? { workflowId } : {}) };
      const end = await endOf(await startRaw(start));
      if (!expected.test(end)) survived.push(`${type} ${String(expected)}: ${end}`);
    }
    expect(survived).toEqual([]);
    expect(world.proxy.count()).toBe(0);
  });

  test('a ledger leaves out malformed entries, and refuses revisions that no later one could follow', async () => {
    const { client, taskQueue } = temporal;
    const last = { environment: 'dev', commit: null, url: null, runId: 'r', at: 'now' };
    const entry = { manifest: 'm', environment: 'dev', runId: 'r', at: 'now', id: 'Role/a', key: {} };
    const ledger = await client.workflow.start('ledger', {
      taskQueue,
      workflowId: `iam-bootstrap-ledger:${ACCOUNT}:poisoned`,
      args: [
        {
          applied: [5, { ...last, value: 2 ** 53 - 1, source: 'given' }, { value: 7 }],
          declarations: [null, { id: 5 }, entry],
        },
      ],
    });
    expect(await ledger.query('declarations')).toEqual([entry]);
    const claim = (value: number): Promise<unknown> =>
      ledger
        .executeUpdate('claim', { args: [{ revision: { ...last, value, source: 'given' }, allowOlder: false }] })
        .catch((error: unknown) => (error as { readonly cause: Error }).cause.message);
    expect(await claim(1)).toEqual({ accepted: true, last: null });
    expect(await claim(2 ** 53 - 1)).toMatch(/no later one could follow it/);
    await ledger.terminate();
    const accountLedger = await client.workflow.start('accountLedger', {
      taskQueue,
      workflowId: 'iam-bootstrap-ledger:999999999999',
      args: [
        { claims: [null, { id: 'AccessKey/x' }, { id: 'SSHPublicKey/y', namespace: 'n', runId: 'r', at: 'now' }] },
      ],
    });
    expect(await accountLedger.query('entityClaims', ['AccessKey/x', 'SSHPublicKey/y'])).toHaveLength(1);
    await accountLedger.terminate();
  });
});

describe('a run that another client has started under the ID of a namespace', () => {
  test.each([
    ['of a foreign type', 'squatter', undefined],
    ['that says to have the same request', 'bootstrap', 'same'],
  ])(
    '%s is named, with the command that ends it, by apply and cancel in their time',
    async (_what, type, sameDigest) => {
      const namespace = `squatted-${type}`;
      const request = await requestOf(world, { namespace, account: ACCOUNT, entities: [role('squatted')] });
      const workflowId = `iam-bootstrap:${ACCOUNT}:${namespace}`;
      const memo = sameDigest === undefined ? undefined : json(request.digest);
      await startRaw({ type, argument: json({}), workflowId, taskQueue: 'nobody', ...(memo && { memo }) });
      const path = await world.manifest(
        `${namespace}.json`,
        manifestOf({ namespace, account: ACCOUNT, entities: [role('squatted')] }),
      );
      const startedAt = Date.now();
      const commands = [
        ['apply', '-f', path, '--wait-timeout', '2s'],
        ['cancel', '-f', path, '--wait-timeout', '2s'],
      ];
      const results = await Promise.all(commands.map((args) => world.cli(args)));
      for (const { code, stderr } of results) {
        expect([code, stderr]).toEqual([
          4,
          expect.stringMatching(/held by a run .*since \d{4}-.*, which does not answer/),
        ]);
        expect(stderr.replace(/\s+/g, ' ')).toContain(
          `temporal workflow terminate --namespace default --workflow-id ${workflowId}`,
        );
      }
      expect(Date.now() - startedAt).toBeLessThan(60_000);
      await temporal.client.workflow.getHandle(workflowId).terminate();
    },
  );
});

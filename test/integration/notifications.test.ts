import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../src/contract/entity.js';
import { WorkflowType } from '../../src/contract/workflow-ids.js';
import { historiesAsText } from '../support/leaks.js';
import { role } from '../support/manifests-of.js';
import { Administrator } from '../support/organization.js';
import { runOfSchedule, scheduleFleet, until } from '../support/schedules.js';
import { createRole, iam, runCommand, runForReport, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';
import type { WorkerProcess } from '../support/world.js';

useWorld({ worker: false });

const KEY = Buffer.alloc(32, 7);
const SLACK_PATH = '/services/T000/B000/verysecretpath';

/** A message that a receiver has got. */
interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of notifications, which can be down. */
class Receiver {
  readonly received: Received[] = [];
  /** Answers a message. Default: 204. */
  answer: (response: ServerResponse, message: Received) => void = (response) => response.writeHead(204).end();
  #server: Server | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}`;
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        const message = { path: request.url ?? '', headers: request.headers, body };
        this.received.push(message);
        this.answer(response, message);
      });
    }).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  at(path: string): readonly Received[] {
    return this.received.filter((message) => message.path === path);
  }

  /** Returns the types of the events that the webhook has got. */
  types(path = '/hook'): readonly string[] {
    return this.at(path).map(({ body }) => (JSON.parse(body) as { type: string }).type.replace('iam-bootstrap.', ''));
  }
}

const receiver = new Receiver();
let worker: WorkerProcess;

beforeAll(async () => {
  await receiver.start();
  const file = join(world.directory, 'notifications.yaml');
  await writeFile(join(world.directory, 'slack-url'), `${receiver.url}${SLACK_PATH}\n`);
  const channels = {
    hook: { webhook: { url: `${receiver.url}/hook`, secret: { environment: 'HOOK_KEY' } } },
    chat: { slack: { url: { file: 'slack-url' } }, types: ['run.*'], namespaces: ['to*'] },
    narrow: {
      webhook: { url: `${receiver.url}/narrow`, secret: { environment: 'HOOK_KEY' } },
      namespaces: ['nobody'],
    },
    hostile: {
      webhook: { url: `${receiver.url}/hostile`, secret: { environment: 'HOOK_KEY' } },
      namespaces: ['hostile'],
      details: false,
    },
  };
  await writeFile(file, JSON.stringify({ version: 1, channels }));
  worker = await world.startWorker({
    IAM_BOOTSTRAP_NOTIFICATIONS: file,
    IAM_BOOTSTRAP_LOG: 'info',
    HOOK_KEY: `whsec_${KEY.toString('base64')}`,
  });
});

beforeEach(() => {
  receiver.received.length = 0;
  receiver.answer = (response) => response.writeHead(204).end();
});

afterAll(() => receiver.stop());

/** Waits until all notifications have been delivered, or have failed for good. */
async function settled(): Promise<void> {
  for (;;) {
    // Visibility is behind: what a run has started is asked for by its history instead.
    const children = (await notificationIds()).map((id) => temporal.client.workflow.getHandle(id).describe());
    const open = (await Promise.all(children)).filter(({ status }) => status.name === 'RUNNING');
    if (open.length === 0) return;
    await pause(50);
  }
}

/** Returns the IDs of all notifications that the newest run of each namespace has asked for. */
async function notificationIds(): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const namespace of namespaces) {
    const handle = temporal.client.workflow.getHandle(`iam-bootstrap:${ACCOUNT}:${namespace}`);
    const { events = [] } = await handle.fetchHistory();
    for (const { startChildWorkflowExecutionInitiatedEventAttributes: started } of events ?? []) {
      if (started?.workflowType?.name === WorkflowType.Notification) ids.push(started.workflowId ?? '');
    }
  }
  return ids;
}

const namespaces = new Set<string>();

/** Applies entities, and waits until people have been told. */
async function applied(namespace: string, ...entities: JsonObject[]): Promise<string> {
  namespaces.add(namespace);
  const { result } = await runForReport('apply', namespace, entities);
  return result;
}

test('a refusal is told once over several runs, and its end as well', async () => {
  await createRole('told-role', { ManagedBy: 'terraform' });
  expect(await applied('told', role('told-role'))).toBe('refused');
  await settled();
  expect(await applied('told', role('told-role'))).toBe('refused');
  await settled();
  expect(receiver.types()).toEqual(['run.refused']);
  await iam.deleteRole({ RoleName: 'told-role' });
  expect(await applied('told', role('told-role'))).toBe('converged');
  await settled();
  expect(await applied('told', role('told-role'))).toBe('converged');
  await settled();
  expect(receiver.types()).toEqual(['run.refused', 'run.recovered']);
  expect(receiver.at('/narrow')).toEqual([]);

  const [first] = receiver.at('/hook');
  const noHeaders: IncomingHttpHeaders = {};
  const { headers, body = '' } = first ?? { headers: noHeaders };
  expect(headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`);
  expect(JSON.parse(body)).toMatchObject({
    specversion: '1.0',
    data: {
      account: ACCOUNT,
      namespace: 'told',
      counts: { refused: 1, entities: 1 },
      entities: [{ id: 'Role/told-role', line: expect.stringContaining('refused: ') as string }],
      runUrl: expect.stringContaining('/workflows/iam-bootstrap:') as string,
    },
  });

  const chat = receiver.at(SLACK_PATH).map((message) => JSON.parse(message.body) as { text: string });
  expect(chat).toHaveLength(2);
  expect(chat[0]?.text).toContain('Run refused: told in 111111111111');
  const histories = await historiesAsText(temporal.client);
  expect(histories).toContain('iam-bootstrap-notification:run.refused');
  for (const secret of ['verysecretpath', KEY.toString('base64')]) {
    expect(histories).not.toContain(secret);
    expect(worker.log()).not.toContain(secret);
  }
});

test('what a receiver misses while it is down is delivered once when it is back', async () => {
  await receiver.stop();
  await createRole('missed-a', { ManagedBy: 'terraform' });
  expect(await applied('missed-one', role('missed-a'))).toBe('refused');
  expect(await applied('missed-two', role('missed-a'))).toBe('refused');
  while (worker.log().split('ECONNREFUSED').length < 4) await pause(50);
  expect(receiver.received).toEqual([]);
  await receiver.start();
  await settled();
  expect(receiver.types()).toEqual(['run.refused', 'run.refused']);
  const ids = receiver.at('/hook').map(({ headers }) => headers['webhook-id']);
  expect(new Set(ids).size).toBe(2);
});

test('a plan that waits for an approval is told, and what was decided', async () => {
  namespaces.add('asked');
  const run = runCommand('apply', [role('asked-role')], ['--require-approval'], 'asked');
  while (receiver.types().length === 0) await pause(50);
  const waiting = receiver.at('/hook')[0]?.body ?? '';
  const plan = /--plan (sha256:[\da-f]{64})/.exec(waiting)?.[1] ?? '';
  expect(receiver.types()).toEqual(['approval.waiting']);
  const where = ['--account', ACCOUNT, '--namespace', 'asked'];
  const decided = await world.cli(['approve', ...where, '--plan', plan, '--as', 'alice']);
  expect(decided.code).toBe(0);
  expect((await run).code).toBe(0);
  await settled();
  expect(receiver.types()).toEqual(['approval.waiting', 'approval.ended']);
  expect(receiver.at('/hook')[1]?.body).toContain('approved by alice');
});

test('a plan that cannot be made is told', async () => {
  world.proxy.on({ action: 'GetAccountAuthorizationDetails' }, { kind: 'error', status: 403, code: 'AccessDenied' });
  world.proxy.on({ action: 'GetRole' }, { kind: 'error', status: 403, code: 'AccessDenied' });
  expect(await applied('unread', role('unread-role'))).toBe('failed');
  await settled();
  expect(receiver.types()).toEqual(['run.failed']);
});

test('a schedule of a fleet that finds no account is told once, and that it has its accounts again', async () => {
  const administrator = new Administrator(world.sandbox.url);
  await administrator.found();
  const unit = await administrator.unit('new');
  const organizationRole = `arn:aws:iam::${ACCOUNT}:role/organization-reader`;
  const { id } = await scheduleFleet('told-fleet', { organizationalUnits: [unit], organizationRole }, 'enforce');
  const told = async (count: number): Promise<readonly string[]> =>
    until(() => Promise.resolve(receiver.types().length < count ? undefined : receiver.types()));
  expect(await runOfSchedule(id)).toMatchObject({ state: 'failed' });
  expect(await told(1)).toEqual(['run.failed']);
  const [first] = receiver.at('/hook').map(({ body }) => JSON.parse(body) as { source: string; data: object });
  expect(first).toMatchObject({
    source: '/iam-bootstrap/told-fleet',
    data: {
      title: 'Run failed: told-fleet in fleet all',
      account: null,
      fleet: 'all',
      summary: 'no account had a run',
      reason: expect.stringContaining('fleet all has no account') as string,
      remedy: 'correct ids, organizationalUnits, tags or exclude of the fleet',
    },
  });
  expect(await runOfSchedule(id)).toMatchObject({ state: 'failed' });
  await administrator.account('shop', unit);
  expect(await runOfSchedule(id)).toMatchObject({ state: 'converged' });
  const types = await until(() =>
    Promise.resolve(receiver.types().includes('run.recovered') ? receiver.types() : undefined),
  );
  expect(types.filter((type) => type.startsWith('run.'))).toEqual(['run.failed', 'run.recovered']);
});

test('a hostile receiver holds up nothing, is not followed, and is not quoted', async () => {
  await createRole('hostile-role', { ManagedBy: 'terraform' });
  let attempts = 0;
  receiver.answer = (response, { path }) => {
    if (path !== '/hostile') return response.writeHead(204).end();
    attempts += 1;
    switch (attempts) {
      case 1:
        return response.writeHead(302, { location: `${receiver.url}/stolen` }).end();
      case 2:
        return response.writeHead(500).end('<script>forged\nline</script>');
      case 3:
        return response.writeHead(503, { 'retry-after': '1' }).end('x'.repeat(10_000_000));
      default:
        // The status is known, so that an answer without an end does not matter.
        return response.writeHead(200).write('never ends');
    }
  };
  expect(await applied('hostile', role('hostile-role'))).toBe('refused');
  await settled();
  expect(attempts).toBe(4);
  expect(receiver.at('/stolen')).toEqual([]);
  expect(receiver.types('/hook')).toEqual(['run.refused']);
  expect(worker.log()).toContain('answers with a redirect (302), which is not followed');
  expect(worker.log()).not.toContain('forged');
  const [event] = receiver.at('/hostile');
  // This channel is told no details.
  expect(event?.body).not.toContain('hostile-role');
  expect(JSON.parse(event?.body ?? '')).toMatchObject({ data: { counts: { refused: 1 }, omittedEntities: 1 } });
});

test('a client cannot have people told by starting a notification itself', async () => {
  const started = temporal.client.workflow.execute(WorkflowType.Notification, {
    taskQueue: temporal.taskQueue,
    workflowId: 'iam-bootstrap-notification:forged',
    args: [forged],
  });
  await expect(started).rejects.toMatchObject({
    cause: { message: expect.stringContaining('only a run of this worker') as string },
  });
  const activity = temporal.client.activity.execute('deliverNotification', {
    id: 'forged',
    taskQueue: temporal.taskQueue,
    args: [{ channel: 'hook', notification: forged }],
    startToCloseTimeout: '30s',
  });
  await expect(activity).rejects.toMatchObject({ cause: { type: 'NotAllowed' } });
  expect(receiver.received).toEqual([]);
});

const forged = {
  id: 'run.failed:forged',
  type: 'run.failed',
  at: '2026-03-04T05:06:07.000Z',
  subject: { account: ACCOUNT, namespace: 'told', environment: 'test', workflowId: 'a', runId: 'b', url: null },
  summary: 'click here',
  reason: null,
  remedy: null,
  counts: {},
  entities: [],
  omittedEntities: 0,
};

test('a worker with an invalid file does not start, and says where it is wrong', async () => {
  const file = join(world.directory, 'invalid.yaml');
  await writeFile(file, 'version: 1\nchannels:\n  ops: { slack: { url: https://hooks.slack.com/services/x } }\n');
  const { code, stderr } = await world.cli(['worker'], { IAM_BOOTSTRAP_NOTIFICATIONS: file });
  expect(code).toBe(64);
  expect(stderr).toContain('invalid.yaml:3:');
});

test('doctor names the channels, and the secret that is missing', async () => {
  const file = join(world.directory, 'notifications.yaml');
  const missing = await world.cli(['doctor'], { IAM_BOOTSTRAP_NOTIFICATIONS: file });
  expect(missing.stdout).toContain('channel hook: the secret in variable HOOK_KEY is empty or missing');
  const env = { IAM_BOOTSTRAP_NOTIFICATIONS: file, HOOK_KEY: 'whsec_x' };
  expect((await world.cli(['doctor'], env)).stdout).toContain('notifications.yaml: hook, chat, narrow, hostile');
});

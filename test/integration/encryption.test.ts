import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Payload } from '@temporalio/common';
import { decideApproval } from '../../src/client/approval.js';
import { loadRequest } from '../../src/client/request.js';
import type { RunEvent } from '../../src/client/run/events.js';
import { apply } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import { ApprovalAction, type PendingApproval } from '../../src/contract/approval.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { freePort } from '../../src/embedded/ports.js';
import { connectTemporal, type TemporalConnection } from '../../src/temporal/connect.js';
import { inBrowser, shows } from '../support/browser.js';
import { historiesAsText, Watch } from '../support/leaks.js';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { outcomesOf, Runs, writesIn } from '../support/runs.js';
import { temporal as withoutKeys, useWorld, world } from '../support/use-world.js';
import { ACCOUNT, type WorkerProcess } from '../support/world.js';

useWorld({ worker: false, replay: { notBecause: 'the replay has no keys' } });

const OLD = `2025-01: ${randomBytes(32).toString('base64')}`;
const NEW = `2026-01: ${randomBytes(32).toString('base64')}`;

let keys: Readonly<Record<string, string>>;
let temporal: TemporalConnection;
let worker: WorkerProcess;

async function writeKeys(...lines: readonly string[]): Promise<void> {
  const path = join(world.directory, 'keys');
  await writeFile(`${path}.new`, lines.join('\n'));
  await rename(`${path}.new`, path);
}

beforeAll(async () => {
  keys = { IAM_BOOTSTRAP_ENCRYPTION_KEYS_FILE: join(world.directory, 'keys') };
  await writeKeys(OLD);
  temporal = await connectTemporal(loadConfig({ ...world.env, ...keys }));
  worker = await world.startWorker(keys);
});

afterAll(() => temporal.close());

/** Fields of payloads that the SDK does not pass to a codec: search attributes, and the names of patches. */
const NOT_ENCODED: ReadonlySet<string> = new Set(['searchAttributes', 'markerRecordedEventAttributes']);

/** Returns the encoding and the key of each payload in a message of Temporal. */
function encodingsIn(value: unknown): Set<string> {
  const found = new Set<string>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || part instanceof Uint8Array) return;
    if ('metadata' in part && 'data' in part) {
      const { metadata } = part as Payload;
      const names = ['encoding', 'encryption-key-id'].map((name) => Buffer.from(metadata?.[name] ?? []).toString());
      found.add(names.join(' ').trim());
      return;
    }
    for (const [name, member] of Object.entries(part)) if (!NOT_ENCODED.has(name)) visit(member);
  };
  visit(value);
  return found;
}

async function encodingsOf(workflowId: string): Promise<string[]> {
  const { client } = withoutKeys;
  const handle = client.workflow.getHandle(workflowId);
  const [history, { raw }] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  return [...encodingsIn([history, raw])].sort();
}

test('Temporal keeps neither documents nor ARNs nor messages of AWS: names only, in workflow IDs and search attributes', async () => {
  world.proxy.on(
    { action: 'CreateRole', params: { RoleName: 'refused-by-aws' } },
    { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized: arn:aws:iam::1:role/hidden' },
  );
  const watch = new Watch(withoutKeys.client);
  const report = await new Runs(world, temporal).apply(
    [
      role('visible', { description: 'a description', inlinePolicies: { hidden: allowing('sts:HiddenAction') } }),
      role('refused-by-aws'),
    ],
    { namespace: 'ci' },
  );
  expect(outcomesOf(report)).toEqual({ 'Role/visible': 'created', 'Role/refused-by-aws': 'failed' });
  expect(JSON.stringify(report)).toContain('not authorized');
  const kept = `${await historiesAsText(withoutKeys.client)}\n${await watch.end()}`;
  // The test would see them: they are there with the key.
  expect(kept).toContain('iam:111111111111:Role:visible');
  const content = ['arn:aws', 'hidden', 'HiddenAction', 'a description', 'not authorized', 'AssumeRole', 'converged'];
  expect(content.filter((text) => kept.includes(text))).toEqual([]);
  const lines = kept.split('\n').filter((line) => /visible|refused-by-aws/.test(line));
  expect([...new Set(lines)].sort()).toEqual(
    ['visible', 'refused-by-aws'].flatMap((name) => [`"Role/${name}"`, `iam:${ACCOUNT}:Role:${name}`]).sort(),
  );
  for (const workflowId of [bootstrapWorkflowId(ACCOUNT, 'ci'), `iam:${ACCOUNT}:Role:visible`]) {
    expect(await encodingsOf(workflowId)).toEqual(['binary/encrypted 2025-01']);
  }
  // The key would show the content, so that the lines above prove something.
  const status = async (env: Readonly<Record<string, string>>): Promise<string> =>
    (await world.cli(['status', '--account', ACCOUNT], env)).stdout;
  expect(await status({})).toMatch(/ci +encrypted, key ID 2025-01/);
  expect(await status(keys)).toMatch(/ci +test/);
});

interface Waiting {
  readonly pending: PendingApproval;
  readonly report: ReturnType<typeof apply>;
}

/** Starts a run and returns once its plan waits for an approval. */
async function startGated(namespace: string): Promise<Waiting> {
  const manifest = manifestOf({ namespace, account: ACCOUNT, entities: [role(`${namespace}-role`)] });
  const path = await world.manifest(`${namespace}.json`, manifest);
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'author' };
  const loaded = await loadRequest([path], { variables: {}, pipeline, approval: { timeoutMs: 600_000 } });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  let opened: (pending: PendingApproval) => void = () => undefined;
  const open = new Promise<PendingApproval>((resolve) => (opened = resolve));
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'awaiting-approval') opened(event.approval);
  };
  const report = apply(temporal, loaded.request, { onEvent });
  return {
    pending: await Promise.race([open, report.then(() => Promise.reject(new Error('it did not wait')))]),
    report,
  };
}

test('a key is rotated while a run waits, and a signal with an invented key does not stop it', async () => {
  const { pending, report } = await startGated('rotated');
  const { client } = temporal;
  const workflowId = bootstrapWorkflowId(ACCOUNT, 'rotated');
  await writeKeys(NEW, OLD);
  const metadata = {
    encoding: Buffer.from('binary/encrypted'),
    'encryption-key-id': Buffer.from('invented'),
    'encryption-key-check': Buffer.from('invented'),
  };
  await client.workflowService.signalWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    signalName: 'approve',
    input: { payloads: [{ metadata, data: Buffer.alloc(64) }] },
    requestId: randomUUID(),
  });
  // The client and the worker look at the file again after a second.
  await pause(1_000);
  const decision = { plan: pending.plan, by: 'alice' };
  await decideApproval(temporal, { account: ACCOUNT, namespace: 'rotated' }, ApprovalAction.Approve, decision);
  expect(await report).toMatchObject({ result: 'converged', approval: { by: 'alice' } });
  expect(writesIn(world)).toEqual(['CreateRole']);
  const encodings = await encodingsOf(workflowId);
  expect(encodings).toEqual(expect.arrayContaining(['binary/encrypted 2025-01', 'binary/encrypted 2026-01']));
});

test('a worker without the key says so and loses nothing: with the key the run goes on', async () => {
  await worker.stop();
  const keyless = await world.startWorker();
  const report = new Runs(world, temporal).apply([role('kept')], { namespace: 'kept' });
  while (!keyless.log().includes('a payload is encrypted with key 2026-01, which is not here')) await pause(50);
  // Another run is not held up.
  const beside = await new Runs(world, withoutKeys).apply([role('beside')], { namespace: 'beside' });
  expect(outcomesOf(beside)).toEqual({ 'Role/beside': 'created' });
  expect(await keyless.isPolling()).toBe(true);
  await keyless.stop();
  worker = await world.startWorker(keys);
  expect(outcomesOf(await report)).toEqual({ 'Role/kept': 'created' });
});

test('codec-server decrypts for the owner of a token and an allowed origin', async () => {
  const token = randomBytes(16).toString('hex');
  await writeFile(join(world.directory, 'tokens'), token);
  const [origin, evil] = ['https://temporal.example.com', 'https://evil.example'];
  const args = ['codec-server', '--listen', '127.0.0.1:0', '--origin', origin, '--token-file', 'tokens'];
  const server = world.spawnCli(args, keys);
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    server.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const [, found] = /"url":"([^"]+)"/.exec(log) ?? [];
      if (found !== undefined) resolve(found);
    });
    server.once('exit', () => {
      reject(new Error(log));
    });
  });
  const { history } = await temporal.client.workflowService.getWorkflowExecutionHistory({
    namespace: temporal.client.options.namespace,
    execution: { workflowId: `iam:${ACCOUNT}:Role:kept` },
    maximumPageSize: 1,
  });
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const base64 = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  const metadata = new Map(Object.entries(payload?.metadata ?? {}).map(([name, value]) => [name, base64(value)]));
  const sent = { metadata: Object.fromEntries<string>(metadata), data: base64(payload?.data) };
  const body = JSON.stringify({ payloads: [sent] });
  const ask = async (headers: Readonly<Record<string, string>>): Promise<[number, string]> => {
    const answer = await fetch(`${url}/decode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    const { payloads = [] } = (await answer.json()) as { payloads?: { data: string }[] };
    return [answer.status, payloads.map(({ data }) => Buffer.from(data, 'base64').toString()).join()];
  };
  const authorization = `Bearer ${token}`;
  expect(await ask({ origin, authorization })).toEqual([200, expect.stringContaining('"roleName":"kept"') as string]);
  expect(await ask({ origin: evil, authorization })).toEqual([403, '']);
  expect(await ask({ origin })).toEqual([401, '']);
  expect(log).not.toContain('roleName');
  const exited = once(server, 'exit') as Promise<[number | null]>;
  server.kill('SIGTERM');
  expect((await exited)[0]).toBe(0);
});

test('dev with keys shows the pages of encrypted runs in its UI', async () => {
  const [port, uiPort] = [String(await freePort()), String(await freePort())];
  const dev = world.spawnCli(['dev', '--sandbox', '--port', port, '--ui-port', uiPort], keys);
  await new Promise<void>((resolve, reject) => {
    let output = '';
    for (const stream of [dev.stdout, dev.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.includes('Press Ctrl-C to stop')) resolve();
      });
    }
    dev.once('exit', () => {
      reject(new Error(output));
    });
  });
  const exited = once(dev, 'exit');
  try {
    const manifest = manifestOf({ namespace: 'shown', account: ACCOUNT, entities: [role('shown')] });
    const path = await world.manifest('shown.json', manifest);
    const ui = `http://127.0.0.1:${uiPort}`;
    const env = { ...keys, TEMPORAL_ADDRESS: `127.0.0.1:${port}`, IAM_BOOTSTRAP_UI_URL: ui };
    const applied = await world.cli(['apply', '-f', path, '--output', 'json'], env);
    await inBrowser(async (page) => {
      await page.goto(applied.report().workflow.url ?? '');
      await shows(page, '1 created');
      await shows(page, 'Role/shown');
    });
  } finally {
    dev.kill('SIGINT');
    await exited;
  }
});

import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Tag } from '@aws-sdk/client-iam';
import { parse } from 'yaml';
import { failureTypeOf } from '../../src/aws/errors.js';
import { drift } from '../../src/client/drift.js';
import { apply, plan } from '../../src/client/run/start.js';
import { triggerSchedule } from '../../src/client/schedule/change.js';
import { createSchedule } from '../../src/client/schedule/create.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { METRICS } from '../../src/contract/metrics.js';
import { pageName } from '../../src/observability/instruments.js';
import type { MetricName } from '../../src/contract/metrics.js';
import { addCalls } from '../../src/report/build.js';
import type { Report } from '../../src/contract/report.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { freePort } from '../../src/embedded/ports.js';
import { hold } from '../support/hold.js';
import { type HttpStage, startHttpStage } from '../support/http-stage.js';
import { requestOf, role, trusting } from '../support/manifests-of.js';
import { scrape, sumBy } from '../support/metrics-page.js';
import type { Sample } from '../support/metrics-page.js';
import { makePrivateCa, startTlsFront, type TlsFront } from '../support/tls-front.js';
import { ACCOUNT } from '../support/world.js';
import type { WorkerProcess } from '../support/world.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';

useWorld({ worker: false, reset: false });

// Its types are those of an ES module only; the package is not.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { parser } = require('@prometheus-io/lezer-promql') as { readonly parser: Parser };

interface Parser {
  parse(expression: string): {
    iterate(visitor: {
      enter(visited: {
        readonly type: { readonly name: string; readonly isError: boolean };
        readonly node: SyntaxNode;
      }): void;
    }): void;
  };
}

interface SyntaxNode {
  readonly from: number;
  readonly to: number;
  getChild(type: string): SyntaxNode | null;
  getChildren(type: string): SyntaxNode[];
}

let worker: WorkerProcess;
let address: string;
let receiver: HttpStage;
let front: TlsFront;
let reports: Report[];
let samples: Sample[];

beforeAll(async () => {
  address = `127.0.0.1:${String(await freePort())}`;
  const notifications = join(world.directory, 'notifications.json');
  receiver = await startHttpStage(() => ({ body: {} }));
  await writeFile(join(world.directory, 'hook-key'), Buffer.alloc(32).toString('base64'));
  const channel = (url: string): object => ({ webhook: { url, secret: { file: 'hook-key' } } });
  await watching();
  const channels = { closed: channel('http://127.0.0.1:1/'), open: channel(receiver.url) };
  await writeFile(notifications, JSON.stringify({ version: 1, channels }));
  await makePrivateCa(world.directory, 'localhost');
  const file = (name: string): string => join(world.directory, name);
  front = await startTlsFront(world.directory, Number(world.temporal.address.split(':').at(-1)), { mutual: true });
  worker = await world.startWorker({
    IAM_BOOTSTRAP_METRICS: address,
    IAM_BOOTSTRAP_NOTIFICATIONS: notifications,
    TEMPORAL_ADDRESS: `localhost:${String(front.port)}`,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('ca.pem'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: file('client.pem'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: file('client.key'),
  });
  const atFirst = await scrape(address);
  // What is rare is there before it happens.
  expect(atFirst).toContainEqual(expect.objectContaining({ name: 'iam_bootstrap_runs_total', value: 0 }));
  expect(sumBy(atFirst, 'iam_bootstrap_runs_total', 'command')).toEqual({});
  reports = [...(await conflicting()), ...(await waiting()), ...(await drifting()), await failing()];
  // A refused run is told, outside of the run.
  do {
    samples = await scrape(address);
  } while (Object.keys(sumBy(samples, 'iam_bootstrap_notifications_total', 'result')).length < 2);
});

afterAll(() => {
  receiver.stop();
  front.stop();
});

function requestFor(namespace: string, ...entities: JsonObject[]): ReturnType<typeof requestOf> {
  return requestOf(world, { namespace, account: ACCOUNT, entities });
}

/** A role in drift that a scheduled run has found. The runs of a worker without a page are not counted. */
async function watching(): Promise<void> {
  const taskQueue = 'watching';
  await world.startWorker({ IAM_BOOTSTRAP_TASK_QUEUE: taskQueue });
  const request = await requestFor('metered-watched', role('metered-watched'));
  const timing = { every: 3_600_000 };
  const { id } = await createSchedule({ ...temporal, taskQueue }, { request, command: 'detect', timing });
  await triggerSchedule(temporal, id);
  while ((await drift(temporal)).environments[0]?.state !== 'drift') await pause(50);
  world.proxy.clear();
}

/** A name that another caller takes after the plan, a Create with a lost reply, throttling, and a secret. */
async function conflicting(): Promise<Report[]> {
  const taken = (RoleName: string, Tags: Tag[] = []): void => {
    const AssumeRolePolicyDocument = JSON.stringify(trusting());
    const before = (): Promise<unknown> => iam.createRole({ RoleName, AssumeRolePolicyDocument, Tags });
    world.proxy.on({ action: 'CreateRole', params: { RoleName } }, { kind: 'hook', times: 1, before });
  };
  taken('metered-unowned');
  taken('metered-foreign', [{ Key: OwnershipTag.Namespace, Value: 'metered-rival' }]);
  world.proxy.on(
    { action: 'CreateRole', params: { RoleName: 'metered-lost' } },
    { kind: 'error-after-commit', status: 400, code: 'Throttling', times: 1 },
  );
  world.proxy.on({ action: 'GetAccountAuthorizationDetails' }, { kind: 'throttle', times: 1 });
  world.proxy.on({ action: 'CreateUser' }, { kind: 'throttle', times: 2 });
  const report = await apply(
    temporal,
    await requestFor(
      'metered-conflicts',
      role('metered-unowned'),
      role('metered-foreign'),
      role('metered-lost'),
      { kind: 'User', userName: 'metered-user' },
      { kind: 'AccessKey', userName: 'metered-user', secret: { file: 'metered.json' } },
    ),
  );
  expect(report.entities.flatMap(({ conflicts }) => conflicts.map(({ resolvedAs }) => resolvedAs)).sort()).toEqual([
    'adopted',
    'created',
    'refused',
  ]);
  return [report];
}

/** Two namespaces and one role: the second run waits, and is seen to wait while it does. */
async function waiting(): Promise<Report[]> {
  const held = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'metered-held' } });
  const first = apply(temporal, await requestFor('metered-first', role('metered-held')));
  await held.reached;
  const second = apply(temporal, await requestFor('metered-second', role('metered-held')));
  while (sumBy(await scrape(address), 'iam_bootstrap_lock_refusals_total', 'lock')['entity'] === undefined) {
    await pause(50);
  }
  expect(sumBy(await scrape(address), 'iam_bootstrap_lock_wait_seconds_count', 'lock')).toEqual({});
  held.release();
  return Promise.all([first, second]);
}

/** A role that a person changes, and a plan that shows it. */
async function drifting(): Promise<Report[]> {
  const request = await requestFor('metered-drift', role('metered-drifted', { description: 'declared' }));
  const applied = await apply(temporal, request);
  await iam.updateRole({ RoleName: 'metered-drifted', Description: 'other' });
  return [applied, await plan(temporal, request)];
}

/** AWS says no. */
async function failing(): Promise<Report> {
  world.proxy.on({ action: 'CreateGroup' }, { kind: 'error', status: 403, code: 'AccessDenied' });
  return apply(temporal, await requestFor('metered-denied', { kind: 'Group', groupName: 'metered-group' }));
}

/** How often each text occurs. */
function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}

describe('the page', () => {
  test('counts the calls that AWS has seen, each attempt and each error of it', () => {
    const calls = world.proxy.calls.map(({ action, code }) => `${action} ${code ?? 'OK'}`);
    expect(sumBy(samples, 'iam_bootstrap_aws_calls_total', 'operation', 'code')).toEqual(tally(calls));
    expect(tally(calls)).toMatchObject({
      'CreateUser Throttling': 2,
      'GetAccountAuthorizationDetails Throttling': 1,
      'CreateRole EntityAlreadyExists': 3,
      'CreateGroup AccessDenied': 1,
    });
    expect(sumBy(samples, 'iam_bootstrap_aws_call_duration_seconds_count', 'operation')).toEqual(world.proxy.countBy());
  });

  test('counts what the reports say', () => {
    const entities = reports.flatMap((report) => report.entities.map((entity) => ({ ...entity, ...report, entity })));
    expect(sumBy(samples, 'iam_bootstrap_runs_total', 'command', 'result')).toEqual(
      tally(reports.map(({ command, result }) => `${command} ${result}`)),
    );
    expect(sumBy(samples, 'iam_bootstrap_run_duration_seconds_count', 'command')).toEqual(
      tally(reports.map(({ command }) => command)),
    );
    expect(sumBy(samples, 'iam_bootstrap_entities_total', 'command', 'kind', 'outcome')).toEqual(
      tally(entities.map(({ command, entity }) => `${command} ${entity.kind} ${entity.outcome}`)),
    );
    expect(sumBy(samples, 'iam_bootstrap_conflicts_total', 'resolution')).toEqual({
      adopted: 1,
      created: 1,
      refused: 1,
    });
    expect(sumBy(samples, 'iam_bootstrap_drifted_entities_total', 'command', 'kind')['plan Role']).toBe(1);
    expect(reports.map(({ apiCalls }) => apiCalls.byOperation).reduce(addCalls, {})).toEqual(world.proxy.countBy());
  });

  test('tells of a run that waits for an entity, while it waits and afterwards', () => {
    expect(Object.keys(sumBy(samples, 'iam_bootstrap_lock_refusals_total', 'lock'))).toEqual(['entity']);
    expect(sumBy(samples, 'iam_bootstrap_lock_wait_seconds_count', 'lock')).toEqual({ entity: 1 });
    expect(sumBy(samples, 'iam_bootstrap_lock_wait_seconds_sum', 'lock')['entity']).toBeGreaterThan(0);
  });

  test('has Temporal’s own metrics, in seconds too', () => {
    const names = new Set(samples.map(({ name }) => name));
    expect([...names]).toEqual(
      expect.arrayContaining(['temporal_num_pollers', 'temporal_activity_execution_latency_seconds_count']),
    );
    expect([...names].filter((name) => name.includes('milliseconds'))).toEqual([]);
  });

  test('has every metric of the table with the labels of the table, and no other of ours', () => {
    const added = ['namespace', 'taskQueue', 'workflowType', 'le'];
    const seen: Record<string, string[]> = {};
    for (const { name, labels } of samples.filter((sample) => sample.name.startsWith('iam_'))) {
      const metric = name.replace(/_(bucket|sum|count)$/, '');
      const own = Object.keys(labels).filter((label) => !added.includes(label));
      seen[metric] = [...new Set([...(seen[metric] ?? []), ...own])].sort();
    }
    const names = Object.keys(METRICS) as MetricName[];
    expect(seen).toEqual(Object.fromEntries(names.map((name) => [pageName(name), [...METRICS[name].labels].sort()])));
  });

  test('names no entity, no account, no namespace, no run, and no secret', () => {
    // That of drift names what is watched.
    const page = JSON.stringify(samples.filter(({ name }) => name !== 'iam_bootstrap_entities_in_drift'));
    expect(world.proxy.secrets.size).toBeGreaterThan(0);
    const runs = reports.flatMap(({ workflow }) => [workflow.runId, workflow.workflowId]);
    const requests = world.proxy.calls.flatMap(({ requestId }) => requestId ?? []);
    const telling = ['metered', ACCOUNT, 'AKIATEST', ...world.proxy.secrets, ...runs, ...requests];
    expect(telling.filter((text) => page.includes(text))).toEqual([]);
  });
});

test('whatever is sent to the endpoint, the worker lives and answers', async () => {
  const port = Number(address.split(':')[1]);
  const open = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.on('error', () => undefined);
      for (const event of ['connect', 'close']) {
        socket.once(event, () => {
          resolve(socket);
        });
      }
    });
  for (const [method, path] of [
    ['POST', '/metrics'],
    ['GET', '/'],
    ['GET', '/metrics/../../etc/passwd'],
    ['DELETE', `/${'a'.repeat(4_000)}`],
  ] as const) {
    const answer = await fetch(`http://${address}${path}`, { method });
    expect([method, path, answer.status, await answer.text()]).toEqual([method, path, 404, '']);
  }
  const sockets = await Promise.all(Array.from({ length: 300 }, open));
  for (const [index, text] of [
    '\u0000\u00ff\u0016\u0003\u0001 not HTTP at all\r\n\r\n',
    `GET /metrics HTTP/1.1\r\nHost: x\r\n${'A'.repeat(100)}: ${'b'.repeat(1_000_000)}\r\n\r\n`,
    'GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ].entries()) {
    sockets[index]?.write(text);
  }
  expect(sumBy(await scrape(address), 'iam_bootstrap_runs_total')).toEqual({ '': reports.length });
  for (const socket of sockets) socket.destroy();
  expect(await worker.isPolling()).toBe(true);
  const report = await apply(temporal, await requestFor('metered-after', role('metered-after')));
  expect(report.result).toBe('converged');
  expect(sumBy(await scrape(address), 'iam_bootstrap_runs_total')).toEqual({ '': reports.length + 1 });
});

test('an address that is taken is said to be, with a remedy', async () => {
  const { code, stderr } = await world.cli(['worker'], { IAM_BOOTSTRAP_METRICS: address });
  expect(code).toBe(64);
  expect(stderr).toContain(`cannot serve metrics at IAM_BOOTSTRAP_METRICS=${address}`);
  expect(stderr).toContain('choose a free address of this machine');
});

test('a worker that runs again from its history what another has ended counts nothing', async () => {
  const replayed = `127.0.0.1:${String(await freePort())}`;
  await world.startWorker({ IAM_BOOTSTRAP_METRICS: replayed });
  await worker.stop();
  for (const { workflow, result } of reports) {
    const run = temporal.client.workflow.getHandle(workflow.workflowId, workflow.runId);
    const page = await run.query<{ readonly currentDetails: string }>('__temporal_workflow_metadata');
    // It has come to the end.
    expect(page.currentDetails).toContain(`**${result}**`);
  }
  const after = await scrape(replayed);
  // Calls to AWS and guardrails are the worker's own, and drift is read from Temporal.
  const ofRuns = after.filter(({ name }) => /^iam_bootstrap_(?!aws_|guardrails$|entities_in_drift$)/.test(name));
  expect(ofRuns.length).toBeGreaterThan(0);
  expect(ofRuns.filter(({ value }) => value > 0)).toEqual([]);
});

/** What a PromQL expression reads: each metric with its matchers, and what it groups by. */
interface Reading {
  readonly metrics: readonly {
    readonly name: string;
    readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
  }[];
  readonly groupings: readonly string[];
}

function readingOf(expression: string): Reading {
  const metrics: { name: string; matchers: { label: string; operator: string; value: string }[] }[] = [];
  const groupings: string[] = [];
  const text = (node: { readonly from: number; readonly to: number } | null): string =>
    node === null ? '' : expression.slice(node.from, node.to);
  parser.parse(expression).iterate({
    enter: ({ type, node }) => {
      if (type.isError) throw new Error(`no PromQL at ${String(node.from)}: ${expression}`);
      if (type.name === 'VectorSelector') metrics.push({ name: text(node.getChild('Identifier')), matchers: [] });
      if (type.name === 'UnquotedLabelMatcher') {
        metrics.at(-1)?.matchers.push({
          label: text(node.getChild('LabelName')),
          operator: text(node.getChild('MatchOp')),
          value: JSON.parse(text(node.getChild('StringLiteral'))) as string,
        });
      }
      if (type.name === 'GroupingLabels') groupings.push(...node.getChildren('LabelName').map(text));
    },
  });
  return { metrics, groupings };
}

const OPS = join(__dirname, '../../ops');

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: Readonly<Record<string, string>>;
    }[];
  }[];
}

const dashboard = JSON.parse(readFileSync(join(OPS, 'grafana/iam-bootstrap.json'), 'utf8')) as Dashboard;
const alerts = parse(readFileSync(join(OPS, 'prometheus/alerts.yaml'), 'utf8')) as Alerts;
const rules = alerts.groups.flatMap((group) => group.rules);
const targets = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

/** Grafana puts these in. */
const filledIn = (expr: string): string => expr.replaceAll('$__rate_interval', '5m').replaceAll('$task_queue', '.*');

/** Labels in `{{…}}`. */
const placeholders = (text: string): string[] =>
  [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = '']) => label);

test('the certificates of the connection are shown by their dates', () => {
  const datesOf = (edge: string): Record<string, number> =>
    sumBy(samples, `iam_bootstrap_temporal_certificate_${edge}_timestamp_seconds`, 'certificate');
  for (const certificate of ['client', 'ca']) {
    const [from = 0, until = 0] = [datesOf('not_before')[certificate], datesOf('not_after')[certificate]];
    // From yesterday, for 31 days.
    expect((until - from) / 86_400).toBeCloseTo(31, 0);
    expect(Math.abs(from + 86_400 - Date.now() / 1000)).toBeLessThan(3_600);
  }
});

describe('dashboard and alerts', () => {
  test.each([
    ...targets.map(({ title, expr, legendFormat }) => [`the panel "${title}"`, filledIn(expr), legendFormat] as const),
    ...rules.map(
      ({ alert, expr, annotations }) =>
        [`the alert ${alert}`, expr, Object.values(annotations).join(' ').replaceAll('{{ $value', '')] as const,
    ),
  ])('%s reads metrics, labels and values that the page has: %s', (_title, expr, shown) => {
    const { metrics, groupings } = readingOf(expr);
    expect(metrics.length).toBeGreaterThan(0);
    for (const { name, matchers } of metrics) {
      const found = samples.filter((sample) => sample.name === name);
      expect([name, found.length > 0]).toEqual([name, true]);
      for (const { label, operator, value } of matchers) {
        // An alternative is enough: that all of the throttles happen in one test is too much to ask.
        const wanted = operator.includes('~') ? new RegExp(`^(?:${value})$`) : { test: (it: string) => it === value };
        expect([name, label, found.some(({ labels }) => label in labels && wanted.test(labels[label] ?? ''))]).toEqual([
          name,
          label,
          true,
        ]);
      }
      for (const label of groupings) {
        expect([name, label, found.every(({ labels }) => label in labels)]).toEqual([name, label, true]);
      }
    }
    // What is shown of a result is what it was grouped by.
    for (const label of placeholders(shown)) expect(groupings).toContain(label);
  });

  test('the codes that count as throttles are those which the engine treats so', () => {
    const codes = [...targets, ...rules]
      .flatMap(({ expr }) => readingOf(filledIn(expr)).metrics)
      .flatMap(({ matchers }) => matchers.filter(({ label, operator }) => label === 'code' && operator === '=~'))
      .flatMap(({ value }) => value.split('|'));
    expect(codes.length).toBeGreaterThan(0);
    const failure = { message: '', operation: null, requestId: null, httpStatus: 400, unclear: false };
    expect(codes.filter((code) => failureTypeOf({ ...failure, code }) !== 'Throttled')).toEqual([]);
  });

  test('every metric of ours is on the dashboard', () => {
    const shown = targets.map(({ expr }) => expr).join(' ');
    expect((Object.keys(METRICS) as MetricName[]).map(pageName).filter((name) => !shown.includes(name))).toEqual([]);
  });

  test('an expression that reads what is not there would be found', () => {
    expect(readingOf('sum by (b) (rate(a_total{c=~"d|e"}[5m])) / f')).toEqual({
      metrics: [
        { name: 'a_total', matchers: [{ label: 'c', operator: '=~', value: 'd|e' }] },
        { name: 'f', matchers: [] },
      ],
      groupings: ['b'],
    });
    expect(() => readingOf('sum(a')).toThrow('no PromQL');
  });
});

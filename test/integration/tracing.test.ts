import { join } from 'node:path';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { Report } from '../../src/contract/report.js';
import { startCollector } from '../support/collector.js';
import type { CollectedSpan, Collector } from '../support/collector.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { entityOf, outcomesOf } from '../support/runs.js';
import { ACCOUNT } from '../support/world.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';

useWorld({ worker: false, reset: false });

const REGISTER = join(__dirname, '../support/opentelemetry.cjs');

let collector: Collector;
let converged: Report;
let failed: Report;
let planned: Report;

/** Three runs, traced as a user would have it; a worker that ends hands over what it has recorded. */
beforeAll(async () => {
  collector = await startCollector();
  const worker = await world.startWorker({
    NODE_OPTIONS: `--require ${REGISTER}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  taken('traced-taken');
  world.proxy.on({ action: 'PutRolePolicy' }, { kind: 'throttle', times: 1 });
  world.proxy.on({ action: 'CreateUser' }, { kind: 'error-after-commit', status: 500, times: 1 });
  converged = await runs.apply(
    [
      { kind: 'Policy', policyName: 'traced', policyDocument: allowing('s3:GetObject') },
      role('traced', {
        inlinePolicies: { state: allowing('dynamodb:PutItem') },
        managedPolicyArns: ['{{arn Policy/traced}}'],
      }),
      role('traced-taken'),
      { kind: 'User', userName: 'traced' },
      { kind: 'AccessKey', userName: 'traced', secret: { file: 'traced.json' } },
    ],
    { namespace: 'traced' },
  );
  const denied = { kind: 'error', status: 403, code: 'AccessDenied', message: 'not yours' } as const;
  world.proxy.on({ action: 'CreateGroup' }, denied);
  failed = await runs.apply([{ kind: 'Group', groupName: 'denied' }], { namespace: 'denied' });
  planned = await runs.plan([role('planned')], { namespace: 'planned' });
  await worker.stop();
});

afterAll(() => collector.stop());

/** ExternalActor makes a role between the plan and the Create of it. */
function taken(RoleName: string): void {
  const AssumeRolePolicyDocument = JSON.stringify(trusting());
  const before = (): Promise<unknown> => iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  world.proxy.on({ action: 'CreateRole', params: { RoleName } }, { kind: 'hook', times: 1, before });
}

/** The trace that a person finds by the ID of the run. */
function traceOf({ workflow }: Report): { readonly steps: CollectedSpan[]; readonly calls: CollectedSpan[] } {
  const spans = collector.spans().filter(({ traceId }) => traceId === workflow.runId.replaceAll('-', ''));
  return { steps: spans.filter(({ isClient }) => !isClient), calls: spans.filter(({ isClient }) => isClient) };
}

/** Of steps or calls, what they are named and how they have ended. */
function endsOf(spans: readonly CollectedSpan[]): string[] {
  return spans.map(({ name, isError, attributes }) => {
    const { 'iam_bootstrap.entity': entity, 'error.type': type } = attributes;
    return [name, entity, isError ? 'error' : undefined, type].filter((part) => typeof part === 'string').join(' ');
  });
}

test('a run is one trace, by its own ID: the plan, every step of every entity, the verification', () => {
  expect(outcomesOf(converged)).toEqual({
    'Policy/traced': 'created',
    'Role/traced': 'created',
    'Role/traced-taken': 'adopted',
    'User/traced': 'created',
    'AccessKey/traced': 'created',
  });
  const { steps } = traceOf(converged);
  expect(endsOf(steps)).toEqual(
    expect.arrayContaining([
      'RunActivity:planEntities',
      'RunActivity:createEntity Policy/traced',
      'RunActivity:createEntity Role/traced',
      'RunActivity:updateEntity Role/traced-taken',
      'RunActivity:createEntity Role/traced-taken',
      'RunActivity:createEntity User/traced error ServiceUnavailable',
      'RunActivity:createEntity User/traced',
      'RunActivity:createEntity AccessKey/traced',
      'RunActivity:verifyEntities',
    ]),
  );
  expect(new Set(steps.map(({ parentSpanId }) => parentSpanId)).size).toBe(1);
  expect(new Set(collector.spans().map(({ traceId }) => traceId)).size).toBe(3);
});

test('the span of an activity names its workflow, run, namespace, account and attempt', () => {
  const { steps } = traceOf(converged);
  for (const { attributes } of steps) {
    expect(attributes).toMatchObject({
      'iam_bootstrap.namespace': 'traced',
      'cloud.account.id': ACCOUNT,
      temporalActivityId: expect.any(String) as string,
      temporalWorkflowId: expect.any(String) as string,
      run_id: expect.any(String) as string,
    });
  }
  const plan = steps.find(({ name }) => name === 'RunActivity:planEntities');
  expect(plan?.attributes).toMatchObject({
    temporalWorkflowId: bootstrapWorkflowId(ACCOUNT, 'traced'),
    run_id: converged.workflow.runId,
  });
  const attempts = steps.filter(({ attributes }) => attributes['iam_bootstrap.entity'] === 'User/traced');
  expect(attempts.map(({ attributes }) => attributes['iam_bootstrap.attempt'])).toEqual([1, 2]);
});

test('each call to AWS, each attempt on the wire, is a span of the step that made it', () => {
  for (const report of [converged, failed, planned]) {
    const { steps, calls } = traceOf(report);
    const counts: Record<string, number> = {};
    for (const { name, parentSpanId, startedAt, endedAt, attributes } of calls) {
      const method = String(attributes['rpc.method']);
      counts[method] = (counts[method] ?? 0) + 1;
      expect(name).toBe(`${String(attributes['rpc.service'])}.${method}`);
      expect(attributes['rpc.system']).toBe('aws-api');
      expect(endedAt).toBeGreaterThan(startedAt);
      expect(steps.map(({ spanId }) => spanId)).toContain(parentSpanId);
    }
    expect(counts).toEqual(report.apiCalls.byOperation);
  }
});

test('writes are found by the request IDs of the report', () => {
  const { calls } = traceOf(converged);
  const writes = converged.entities.flatMap((entity) => entity.writes);
  const answered = writes.filter(({ requestId }) => requestId !== null);
  expect(answered.length).toBeGreaterThanOrEqual(writes.length - 1);
  for (const { operation, requestId } of answered) {
    const [call, ...others] = calls.filter(({ attributes }) => attributes['aws.request_id'] === requestId);
    expect(others).toEqual([]);
    expect(call).toMatchObject({
      name: `IAM.${operation}`,
      isError: false,
      attributes: { 'http.response.status_code': 200 },
    });
  }
});

test('a call that AWS has refused carries its code, and the step only where it has failed by it', () => {
  const { calls } = traceOf(converged);
  expect(endsOf(calls)).toEqual(
    expect.arrayContaining([
      'IAM.CreateRole error EntityAlreadyExists',
      'IAM.PutRolePolicy error Throttling',
      'IAM.PutRolePolicy',
      'IAM.CreateUser error ServiceFailure',
    ]),
  );
  const [conflict] = entityOf(converged, 'Role/traced-taken').conflicts;
  const refused = calls.find(({ attributes }) => attributes['error.type'] === 'EntityAlreadyExists');
  expect(refused?.attributes).toMatchObject({
    'aws.request_id': conflict?.requestId,
    'http.response.status_code': 409,
  });

  const denied = traceOf(failed);
  expect(endsOf(denied.steps)).toContain('RunActivity:createEntity Group/denied error AccessDenied');
  expect(endsOf(denied.calls)).toContain('IAM.CreateGroup error AccessDenied');
});

test('a plan is a trace of its own', () => {
  expect(endsOf(traceOf(planned).steps)).toEqual(['RunActivity:planEntities']);
});

test('no secret is in what was exported', () => {
  expect(world.proxy.secrets.size).toBeGreaterThan(0);
  for (const secret of world.proxy.secrets) expect(collector.raw().includes(secret)).toBe(false);
});

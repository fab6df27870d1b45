import { runOf } from '../../src/contract/attribution.js';
import { entityOf } from '../support/runs.js';
import { role } from '../support/manifests-of.js';
import { runs, useWorld, world } from '../support/use-world.js';

useWorld({ reset: false });

const TARGET = 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents';

interface TrailRecord {
  readonly requestID: string;
  readonly userAgent: string;
  readonly errorCode?: string;
}

/** Returns CloudTrail's events of one operation in the sandbox's account, newest first. */
async function trailOf(operation: string): Promise<TrailRecord[]> {
  const answer = await fetch(world.sandbox.url, {
    method: 'POST',
    headers: {
      'x-amz-target': TARGET,
      authorization: 'AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/cloudtrail/aws4_request',
    },
    body: JSON.stringify({ LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: operation }] }),
  });
  expect(answer.status).toBe(200);
  const { Events } = (await answer.json()) as { readonly Events: readonly { readonly CloudTrailEvent: string }[] };
  return Events.map(({ CloudTrailEvent }) => JSON.parse(CloudTrailEvent) as TrailRecord);
}

test('the user agent in CloudTrail names the run of each write, also for two runs of one worker', async () => {
  const [left, right] = await Promise.all([
    runs.apply([role('left')], { namespace: 'left' }),
    runs.apply([role('right')], { namespace: 'right' }),
  ]);
  const events = await trailOf('CreateRole');
  for (const [name, report] of [['left', left] as const, ['right', right] as const]) {
    const [write] = entityOf(report, `Role/${name}`).writes;
    const event = events.find(({ requestID }) => requestID === write?.requestId);
    expect(runOf(event?.userAgent ?? '')).toBe(report.workflow.runId);
  }
  expect(events).toHaveLength(2);
});

test('assumes a role once for each namespace, with a session name that contains the namespace', async () => {
  world.proxy.clear();
  for (const namespace of ['first', 'second', 'first']) {
    await runs.apply([role(namespace)], { namespace, account: '222222222222' });
  }
  const sessions = world.proxy.calls.filter(({ action }) => action === 'AssumeRole');
  expect(sessions.map(({ params }) => params['RoleSessionName'])).toEqual([
    'iam-bootstrap.first',
    'iam-bootstrap.second',
  ]);
  expect(sessions.filter(({ params }) => params['SourceIdentity'] !== undefined)).toEqual([]);
});

test('assumes a role with the source identity that the worker is configured with', async () => {
  const taskQueue = 'sourced';
  await world.startWorker({ IAM_BOOTSTRAP_SOURCE_IDENTITY: 'platform-team', IAM_BOOTSTRAP_TASK_QUEUE: taskQueue });
  world.proxy.clear();
  await runs.apply([role('sourced')], { account: '222222222222', taskQueue });
  const [session] = world.proxy.calls.filter(({ action }) => action === 'AssumeRole');
  expect(session?.params['SourceIdentity']).toBe('platform-team');
});

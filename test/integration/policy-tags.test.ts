import { apply, plan } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { nextUnusedAccount } from '../support/kind-stage.js';
import { allowing, requestOf } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';

/** Tags of customer managed policies, which the tagging API shows a hundred at a time, and IAM one by one. */

useWorld();

const COUNT = 150;

/** The policies of a test. Those of another one would count as deleted and created again. */
let all: readonly string[];
let first: string;
let second: string;
let tests = 0;

beforeEach(() => {
  tests += 1;
  all = Array.from({ length: COUNT }, (_, index) => `test-${String(tests)}-${String(index).padStart(3, '0')}`);
  [first = '', second = ''] = all;
});

interface Applied {
  readonly account?: string;
  readonly namespace?: string;
  readonly names?: readonly string[];
  readonly tags?: (name: string) => JsonObject | undefined;
  readonly document?: JsonObject;
}

let runs = 0;

function requested({
  account = ACCOUNT,
  namespace = 'tags',
  names = all,
  tags = () => ({ team: 'a' }),
  document = allowing('s3:GetObject'),
}: Applied): ReturnType<typeof requestOf> {
  const entities = names.map((policyName): JsonObject => {
    const declared = tags(policyName);
    return { kind: 'Policy', policyName, policyDocument: document, ...(declared && { tags: declared }) };
  });
  return requestOf(world, { namespace, account, assumed: account !== ACCOUNT, entities });
}

/** Applies, and insists on a report that counts as the other side of the wire does. */
async function applied(parts: Applied = {}): Promise<Report> {
  const request = await requested(parts);
  world.proxy.clear();
  runs += 1;
  const report = await apply(temporal, { ...request, key: `policy-tags-${String(runs)}` });
  const counted = Object.entries(world.proxy.countBy()).filter(([operation]) => operation !== 'AssumeRole');
  expect(report.apiCalls.byOperation).toEqual(Object.fromEntries(counted));
  return report;
}

function arnOf(name: string, account = ACCOUNT): string {
  return `arn:aws:iam::${account}:policy/${name}`;
}

async function tagsOf(name: string): Promise<Record<string, string>> {
  const { Tags = [] } = await iam.listPolicyTags({ PolicyArn: arnOf(name) });
  return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

async function control(path: string, body: JsonObject): Promise<void> {
  const answer = await fetch(`${world.sandbox.url}/sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Has the index show the tags of this moment from now on. */
async function stopIndex(): Promise<void> {
  await control('tag-index', { account: ACCOUNT, frozen: true });
}

test(`${String(COUNT)} policies with nothing to do cost two calls for all tags`, async () => {
  expect((await applied()).summary).toMatchObject({ created: COUNT });
  const { result, summary } = await applied();
  expect([result, summary.unchanged]).toEqual(['converged', COUNT]);
  expect(world.proxy.count('GetResources')).toBe(2);
  expect(world.proxy.count('ListPolicyTags')).toBe(0);
  expect(world.proxy.count()).toBeLessThanOrEqual(6 + 2);
  expect(world.proxy.writes()).toEqual([]);

  const request = await requested({});
  world.proxy.clear();
  const planned = await plan(temporal, { ...request, key: 'policy-tags-plan' });
  expect(planned.result).toBe('converged');
  expect(world.proxy.count('ListPolicyTags')).toBe(0);
});

test('a tag that drifted costs one read more to decide and one to verify, and one write', async () => {
  await applied();
  await iam.tagPolicy({ PolicyArn: arnOf(second), Tags: [{ Key: 'team', Value: 'by hand' }] });
  const { result, summary } = await applied();
  expect([result, summary]).toMatchObject(['converged', { updated: 1, unchanged: COUNT - 1 }]);
  expect(world.proxy.writes().map(({ action, params }) => [action, params['PolicyArn']])).toEqual([
    ['TagPolicy', arnOf(second)],
  ]);
  expect(world.proxy.count('ListPolicyTags')).toBe(2);
  expect(world.proxy.count('GetResources')).toBe(2);
  expect(await tagsOf(second)).toMatchObject({ team: 'a' });
});

describe('an index that is behind', () => {
  test('and knows nothing of new policies has them read from IAM, and nothing is written', async () => {
    await stopIndex();
    await applied();
    const { result, summary } = await applied();
    expect([result, summary.unchanged]).toEqual(['converged', COUNT]);
    expect(world.proxy.writes()).toEqual([]);
    // It shows none of the first hundred, and is not asked for the others.
    expect(world.proxy.count('GetResources')).toBe(1);
    expect(world.proxy.count('ListPolicyTags')).toBe(COUNT);
  });

  test('does not hide that a manifest goes back to the tags from before', async () => {
    const names = [first, second];
    await applied({ names });
    await stopIndex();
    expect((await applied({ names, tags: () => ({ team: 'b' }) })).summary).toMatchObject({ updated: 2 });
    const back = await applied({ names });
    expect(back).toMatchObject({ result: 'converged', summary: { updated: 2 } });
    expect([await tagsOf(first), await tagsOf(second)]).toMatchObject([{ team: 'a' }, { team: 'a' }]);
  });

  test('does not have a policy written that another namespace has taken over', async () => {
    const names = [first, second];
    await applied({ names });
    await stopIndex();
    const Tags = [{ Key: 'iam-bootstrap:namespace', Value: 'other' }];
    await iam.tagPolicy({ PolicyArn: arnOf(first), Tags });
    const before = await tagsOf(first);
    const request = await requested({ names, document: allowing('s3:PutObject') });
    world.proxy.clear();
    await expect(apply(temporal, { ...request, key: 'policy-tags-taken' })).resolves.toMatchObject({
      result: 'refused',
      summary: { refused: 1 },
    });
    expect(world.proxy.writes()).toEqual([]);
    expect(await tagsOf(first)).toEqual(before);
  });

  test('does not have written again what drifted, was corrected by hand, and is shown as drifted', async () => {
    const names = [first, second];
    await applied({ names });
    await iam.tagPolicy({ PolicyArn: arnOf(first), Tags: [{ Key: 'team', Value: 'by hand' }] });
    await stopIndex();
    await iam.tagPolicy({ PolicyArn: arnOf(first), Tags: [{ Key: 'team', Value: 'a' }] });
    expect((await applied({ names })).summary).toMatchObject({ unchanged: 2 });
    expect(world.proxy.writes()).toEqual([]);
    expect(world.proxy.count('ListPolicyTags')).toBe(1);
  });

  test('adopts no policy of another owner', async () => {
    const names = [first, second];
    for (const PolicyName of names) {
      await iam.createPolicy({ PolicyName, PolicyDocument: JSON.stringify(allowing('s3:GetObject')) });
    }
    await stopIndex();
    await iam.tagPolicy({ PolicyArn: arnOf(first), Tags: [{ Key: 'iam-bootstrap:namespace', Value: 'other' }] });
    expect(await applied({ names })).toMatchObject({ result: 'refused', summary: { refused: 1 } });
    expect(world.proxy.writes()).toEqual([]);
  });
});

describe('where the tagging API does not answer', () => {
  const ofAccount = async (account: string): Promise<void> => {
    const reports = [await applied({ account }), await applied({ account })];
    const asked = world.proxy.count('GetResources');
    reports.push(await applied({ account }));
    expect(reports.map(({ result }) => result)).toEqual(['converged', 'converged', 'converged']);
    expect(world.proxy.writes()).toEqual([]);
    // Once, whatever the number of policies and of runs.
    expect([asked, world.proxy.count('GetResources')]).toEqual([1, 0]);
    expect(world.proxy.count('ListPolicyTags')).toBe(COUNT);
  };

  test('because it is denied, tags are read from IAM, and it is asked once', async () => {
    const account = nextUnusedAccount();
    const Statement = [
      { Effect: 'Allow', Action: 'iam:*', Resource: '*' },
      { Effect: 'Deny', Action: 'tag:GetResources', Resource: '*' },
    ];
    await control('authorise', { account, policyDocument: { Version: '2012-10-17', Statement } });
    await ofAccount(account);
  });

  test('because it does not know the operation, tags are read from IAM, and it is asked once', async () => {
    world.proxy.on(
      { action: 'GetResources' },
      { kind: 'error', status: 400, code: 'UnknownOperationException', message: 'unknown' },
    );
    await ofAccount(nextUnusedAccount());
  });

  test('because something else answers in its place, nothing is written', async () => {
    const account = nextUnusedAccount();
    world.proxy.on({ action: 'GetResources' }, { kind: 'foreign-reply', status: 200 });
    await ofAccount(account);
  });
});

test('the permission for it is tag:GetResources', async () => {
  const account = nextUnusedAccount();
  const Statement = [{ Effect: 'Allow', Action: ['iam:*', 'tag:GetResources'], Resource: '*' }];
  await control('authorise', { account, policyDocument: { Version: '2012-10-17', Statement } });
  await applied({ account });
  await applied({ account });
  expect(world.proxy.count('ListPolicyTags')).toBe(0);
});

import { Enforcement } from '../../../../src/activities/runtime/enforcement.js';
import type { PlannedEntity } from '../../../../src/contract/activities.js';
import { runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount, TARGET } from '../../../support/fake-account.js';
import { guardrailsOf } from '../../../support/guardrails.js';

const POLICIES = 80;

let calls: string[];

/** Plans groups with policies that differ from each other, where each check fails so. */
async function planned(rules: string, failure: object, policies = POLICIES): Promise<readonly PlannedEntity[]> {
  calls = [];
  const account = new FakeAccount();
  const fail = (operation: string) => (): Promise<never> => {
    calls.push(operation);
    return Promise.reject(Object.assign(new Error('it says why'), failure, { operation }));
  };
  const policyAnalyzer = { validate: fail('ValidatePolicy'), compare: fail('CheckNoNewAccess') };
  Object.assign(account.clients, { policyAnalyzer });
  const entities = Array.from({ length: policies }, (_, index) => {
    const Statement = [{ Effect: 'Allow', Action: `s3:Get${String(index)}`, Resource: '*' }];
    const inlinePolicies = { read: { Version: '2012-10-17', Statement } };
    const groupName = `readers-${String(index)}`;
    return desired('Group', groupName, { groupName, inlinePolicies });
  });
  const { result, failure: failed } = await runAttempt(
    account,
    'planEntities',
    {
      ...{ version: 1, target: TARGET, namespace: 'ci', environment: 'dev', entities, digest: 'sha256:0', key: 'key' },
      ...{ keepGoing: false, manifest: 'iam.yaml' },
      pipeline: { provider: 'none', url: null, commit: null, actor: null },
    },
    { enforcement: new Enforcement({ source: { current: () => guardrailsOf(rules) } }) },
  );
  if (result === undefined) throw new Error(failed?.message);
  return result.entities;
}

const answer = (status: number, name: string): object => ({ name, $metadata: { httpStatusCode: status } });

test.each([
  ['a service that cannot be reached', { code: 'ETIMEDOUT' }],
  ['a service that is down', answer(503, 'ServiceUnavailableException')],
  ['a missing permission', answer(403, 'AccessDeniedException')],
])('%s is waited for once, and answers for all policies, each with a warning', async (_, failure) => {
  const entities = await planned('accessAnalyzer: { validatePolicy: warn }', failure);
  expect(calls).toEqual(['ValidatePolicy']);
  expect(entities.map(({ decision }) => decision.action)).toEqual(Array(POLICIES).fill('create'));
  for (const { decision } of entities) {
    expect(decision.warnings).toEqual([expect.stringMatching('inlinePolicies.read: not checked by Access Analyzer: ')]);
  }
});

test.each(['ValidationException', 'UnprocessableEntityException', 'InvalidParameterException'])(
  'a policy that Access Analyzer does not take (%s) follows its check, and `unavailable: warn` is no way round it',
  async (name) => {
    const rules = 'accessAnalyzer: { validatePolicy: error, unavailable: warn }';
    const failure = answer(name === 'UnprocessableEntityException' ? 422 : 400, name);
    const [refused] = await planned(rules, failure, 1);
    expect(refused?.decision).toMatchObject({ action: 'refuse' });
    expect(refused?.decision.reason).toContain('inlinePolicies.read of Group/readers-0: NOT_CHECKABLE: ValidatePolicy');
    const [warned] = await planned('accessAnalyzer: { validatePolicy: warn, unavailable: error }', failure, 1);
    expect(warned?.decision.action).toBe('create');
    expect(warned?.decision.warnings).toEqual([expect.stringMatching('inlinePolicies.read: NOT_CHECKABLE: ')]);
  },
);

test('a policy that Access Analyzer does not take says nothing of the others', async () => {
  await planned('accessAnalyzer: { validatePolicy: warn }', answer(400, 'ValidationException'), 3);
  expect(calls).toHaveLength(3);
});

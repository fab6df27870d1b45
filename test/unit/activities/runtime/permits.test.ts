import { Permits } from '../../../../src/activities/runtime/permits.js';
import type { Plan, PlannedEntity } from '../../../../src/contract/activities.js';
import type { BootstrapRequest, ReconcileRequest } from '../../../../src/contract/request.js';
import { reconcileRequest, ROLE, RUN_ID } from '../../../support/activity.js';
import { requestOf } from '../../../support/planned.js';

const KEY = 'a key of at least thirty-two characters';
const OTHER = 'another key of at least 32 characters';
const READ = 'arn:aws:iam::111111111111:policy/ci/read';

const entity = { ...ROLE, dependsOn: ['Policy/read'] };

const planned: PlannedEntity = {
  kind: 'Role',
  name: 'deploy',
  arn: 'arn:aws:iam::111111111111:role/deploy',
  decision: { action: 'update', drift: [], unmanaged: [], reason: null, remedy: null },
  workflowId: 'iam:111111111111:Role:deploy',
  after: [0],
  lines: ['a', 'b'],
  newPrincipals: ['arn:aws:iam::111111111111:role/new'],
};

const policy: PlannedEntity = {
  ...planned,
  kind: 'Policy',
  name: 'read',
  arn: READ,
  decision: { ...planned.decision, action: 'no-op' },
};

const bootstrap: BootstrapRequest = { ...requestOf([]), entities: [{ ...ROLE, kind: 'Policy', name: 'read' }, entity] };
const plan: Plan = { entities: [policy, planned], calls: {}, installation: 'here' };

/** Returns the request that the bootstrap run makes of its plan. */
function requested({ entities }: Plan, more: Partial<ReconcileRequest> = {}): ReconcileRequest {
  const { permit, lines = [], newPrincipals } = entities[1] ?? planned;
  return reconcileRequest(entity, {
    environment: 'prod',
    action: 'update',
    planned: { action: 'update', lines },
    arns: { 'Policy/read': READ },
    installation: 'here',
    ...(newPrincipals === undefined ? {} : { newPrincipals }),
    ...(permit === undefined ? {} : { permit }),
    ...more,
  });
}

const permits = new Permits([KEY]);
const permitted = permits.permitPlan(bootstrap, plan, RUN_ID);

test('what a plan decides to write is permitted, and nothing else has a permit', () => {
  expect(permits.isPermitted(requested(permitted))).toBe(true);
  expect(permitted.entities.map(({ permit }) => permit === undefined)).toEqual([true, false]);
});

test.each<[string, Partial<ReconcileRequest>]>([
  ['another run', { intent: RUN_ID.replace('1', '2') }],
  ['another namespace', { namespace: 'other' }],
  ['another environment', { environment: 'dev' }],
  [
    'another role',
    { target: { account: '111111111111', partition: 'aws', assumeRole: 'arn:aws:iam::111111111111:role/x' } },
  ],
  ['another spec', { entity: { ...entity, spec: { ...entity.spec, description: 'x' } } }],
  ['another state', { entity: { ...entity, state: 'absent' } }],
  ['another action of the plan', { planned: { action: 'delete', lines: ['a', 'b'] } }],
  ['more lines', { planned: { action: 'update', lines: ['a', 'b', 'c'] } }],
  ['other holdings', { planned: { action: 'update', lines: ['a', 'b'], holdings: [] } }],
  ['an approval', { approved: true }],
  ['another ARN', { arns: { 'Policy/read': 'arn:aws:iam::aws:policy/AdministratorAccess' } }],
  ['an ARN more', { arns: { 'Policy/read': READ, 'Policy/x': READ } }],
  ['a listing', { listFirst: true }],
  ['more to detach from', { detachable: ['Role/x'] }],
  ['other principals', { newPrincipals: [] }],
  ['no permit', { permit: '' }],
  ['a permit that is none', { permit: 'AAAA' }],
])('%s is not permitted', (_what, more) => {
  expect(permits.isPermitted({ ...requested(permitted), ...more })).toBe(false);
});

test('what the activities of one entity decide anew does not count', () => {
  const later = { action: 'create', readFirst: true, made: true, fresh: true, timeoutMs: 1 } as const;
  expect(permits.isPermitted({ ...requested(permitted), ...later })).toBe(true);
});

test('a reference may have moved to another path since the plan', () => {
  const arns = { 'Policy/read': 'arn:aws:iam::111111111111:policy/read' };
  expect(permits.isPermitted(requested(permitted, { arns }))).toBe(true);
});

test('an identity provider is not taken for another one on the same host', () => {
  const [first, second] = ['a', 'b'].map((id) => `arn:aws:iam::111111111111:oidc-provider/oidc.example.com/${id}/x`);
  const withProvider = { ...plan, entities: [{ ...policy, arn: first ?? '' }, planned] };
  const signed = permits.permitPlan(bootstrap, withProvider, RUN_ID);
  expect(permits.isPermitted(requested(signed, { arns: { 'Policy/read': first ?? '' } }))).toBe(true);
  expect(permits.isPermitted(requested(signed, { arns: { 'Policy/read': second ?? '' } }))).toBe(false);
});

test('another key does not count, unless it is listed as an older one', () => {
  expect(new Permits([OTHER]).isPermitted(requested(permitted))).toBe(false);
  expect(new Permits([OTHER, KEY]).isPermitted(requested(permitted))).toBe(true);
});

test('a listing counts for its run and entity only', () => {
  const request = requested(permitted);
  const listed = { ...request, known: ['AKIA1'], knownPermit: permits.permitListing(request, ['AKIA1']) };
  expect(permits.isListed(request)).toBe(true);
  expect(permits.isListed(listed)).toBe(true);
  expect(permits.isListed({ ...listed, known: [] })).toBe(false);
  expect(permits.isListed({ ...listed, intent: RUN_ID.replace('1', '2') })).toBe(false);
  expect(permits.isListed({ ...listed, entity: { ...entity, name: 'other' } })).toBe(false);
  expect(permits.isListed({ ...request, known: ['AKIA1'] })).toBe(false);
});

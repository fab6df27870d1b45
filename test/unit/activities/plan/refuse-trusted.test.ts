import type { AssessedEntity } from '../../../../src/activities/plan/assessed-entity.js';
import { planRemovals } from '../../../../src/activities/plan/plan-removals.js';
import type { DesiredEntity, JsonObject } from '../../../../src/contract/entity.js';
import type { DecisionAction } from '../../../../src/contract/report.js';
import { findKind } from '../../../../src/kinds/index.js';
import type { Kind, Observed, OwnedEntity } from '../../../../src/kinds/kind.js';
import { desired } from '../../../support/desired.js';

const ARN = 'arn:aws:iam::111111111111:saml-provider/idp';
const ACCOUNT = { clients: { reader: {} }, target: { account: '111111111111', partition: 'aws' } };

interface Options {
  /** The tags of the role that trusts the provider. */
  readonly tags?: Readonly<Record<string, string>>;
  /** What this run does with that role; undefined where the manifest does not have it. */
  readonly role?: { readonly action: DecisionAction; readonly spec: JsonObject };
  readonly provider?: Partial<DesiredEntity>;
}

function kindOf(name: string): Kind {
  const kind = findKind(name);
  if (kind === undefined) throw new RangeError(`no kind ${name}`);
  return kind;
}

function assessed(entity: DesiredEntity, action: DecisionAction, more: Partial<AssessedEntity>): AssessedEntity {
  const decision = { action, drift: [], unmanaged: [], reason: null, remedy: null };
  return {
    entity,
    kind: kindOf(entity.kind),
    spec: entity.spec,
    observed: undefined,
    assessment: { decision, changes: {}, tags: {} },
    planned: { kind: entity.kind, name: entity.name, arn: '', decision, workflowId: entity.name, after: [] },
    ...more,
  };
}

/** Plans the deletion of an identity provider that a role trusts. */
async function deletion({ tags = {}, role, provider = {} }: Options): Promise<AssessedEntity['planned']> {
  const trusting: OwnedEntity = { kind: 'Role', name: 'ci', arn: 'arn:aws:iam::111111111111:role/ci', tags };
  const kind: Kind = {
    ...kindOf('SAMLProvider'),
    delete: () => Promise.resolve([]),
    listTrusting: () => Promise.resolve([trusting]),
  };
  const observed = { arn: ARN, state: {}, tags: {}, name: 'idp' } as unknown as Observed;
  const removed = assessed(desired('SAMLProvider', 'idp', {}, { state: 'absent', ...provider }), 'delete', {
    kind,
    observed,
  });
  const others = role === undefined ? [] : [assessed(desired('Role', 'ci', role.spec), role.action, {})];
  const plan = await planRemovals(ACCOUNT as never, 'platform', [removed, ...others], () => Promise.resolve([]));
  if (plan[0] === undefined) throw new RangeError('the plan lost the provider');
  return plan[0].planned;
}

test.each<[string, Options]>([
  ['of no owner', {}],
  ['of another owner', { tags: { ManagedBy: 'terraform' } }],
  ['that keeps its trust', { role: { action: 'adopt', spec: { trusts: ARN } } }],
  ['that this run leaves as it is', { role: { action: 'no-op', spec: {} } }],
])('the deletion of what is trusted by a role %s is refused', async (_role, options) => {
  const { decision } = await deletion(options);
  expect(decision.action).toBe('refuse');
  expect(decision.reason).toContain('cannot be deleted: it is trusted by Role/ci (');
});

test.each<[string, Options, readonly number[]]>([
  ['of the namespace itself', { tags: { 'iam-bootstrap:namespace': 'platform' } }, []],
  ['whose trust this run takes away before', { role: { action: 'adopt', spec: {} } }, [1]],
  ['that this run deletes before', { role: { action: 'delete', spec: {} } }, [1]],
  ['where that is accepted', { provider: { deleteTrusted: true } }, []],
])('the deletion of what is trusted by a role %s is not', async (_role, options, after) => {
  const planned = await deletion(options);
  expect([planned.decision.action, planned.after]).toEqual(['delete', after]);
});

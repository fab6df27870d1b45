import type { JsonObject } from '../src/contract/entity.js';
import { marksOfCreate } from '../src/engine/ownership.js';
import { allowing, role, trusting } from '../test/support/manifests-of.js';
import { ACCOUNT } from '../test/support/world.js';
import type { BareRole } from './bare.js';

/** Namespace of every manifest here. */
export const NAMESPACE = 'bench';

/** Customer managed policy that every role has attached. It is there before anything is measured. */
export const SHARED_POLICY = 'bench-shared';
export const SHARED_DOCUMENT = JSON.stringify(allowing('s3:GetObject'));

/** Writes that each role takes: itself, its inline policy, its attachment. */
export const WRITES_PER_ROLE = 3;

const TAGS = { team: 'platform' };

function nameOf(index: number): string {
  return `bench-${String(index).padStart(4, '0')}`;
}

const POLICY_ARN = `arn:aws:iam::${ACCOUNT}:policy/${SHARED_POLICY}`;

/** Roles as a manifest has them. Description and duration are there because they make the bulk read dearer. */
export function declaredRoles(count: number): JsonObject[] {
  return Array.from({ length: count }, (_, index) =>
    role(nameOf(index), {
      description: 'measured',
      maxSessionDuration: 7200,
      inlinePolicies: { state: allowing('dynamodb:PutItem') },
      managedPolicyArns: [POLICY_ARN],
      tags: TAGS,
    }),
  );
}

/**
 * The same roles, as the bare script takes them.
 *
 * @param owned - with the marks that an apply leaves, so that the next apply finds them its own
 */
export function bareRoles(count: number, owned = false): BareRole[] {
  return Array.from({ length: count }, (_, index) => ({
    RoleName: nameOf(index),
    Description: 'measured',
    MaxSessionDuration: 7200,
    AssumeRolePolicyDocument: JSON.stringify(trusting()),
    Tags: { ...TAGS, ...(owned ? marksOfCreate(NAMESPACE, 'bench', false) : {}) },
    inline: { PolicyName: 'state', PolicyDocument: JSON.stringify(allowing('dynamodb:PutItem')) },
    PolicyArn: POLICY_ARN,
  }));
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';

interface BootstrapRole {
  readonly roleName: string;
  readonly assumeRolePolicyDocument: object;
  readonly managedPolicyArns: readonly string[];
  readonly inlinePolicies: Readonly<Record<string, object>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** The roles of the bootstrap template, as CloudFormation resolves it. */
export const BOOTSTRAP_ROLES = (
  JSON.parse(readFileSync(join(__dirname, '../unit/fixtures/cdk-bootstrap-roles.json'), 'utf8')) as {
    readonly roles: readonly BootstrapRole[];
  }
).roles;

/** Creates the roles as `cdk bootstrap` leaves them, with tags beside those of the template. */
export async function createBootstrapRoles(iam: IAM, tags: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const role of BOOTSTRAP_ROLES) {
    const { roleName: RoleName } = role;
    const Tags = Object.entries({ ...role.tags, ...tags }).map(([Key, Value]) => ({ Key, Value }));
    await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(role.assumeRolePolicyDocument), Tags });
    for (const PolicyArn of role.managedPolicyArns) await iam.attachRolePolicy({ RoleName, PolicyArn });
    for (const [PolicyName, document] of Object.entries(role.inlinePolicies)) {
      await iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: JSON.stringify(document) });
    }
  }
}

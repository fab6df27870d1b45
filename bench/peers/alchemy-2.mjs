// Roles by alchemy 2, of the file that BENCH_ROLES names. It keeps what it has made in .alchemy of its folder.
import { readFileSync } from 'node:fs';
import * as Alchemy from 'alchemy';
import * as AWS from 'alchemy/AWS';
import * as Effect from 'effect/Effect';

const { roles } = JSON.parse(readFileSync(process.env.BENCH_ROLES, 'utf8'));

export default Alchemy.Stack(
  'bench',
  { providers: AWS.providers(), state: Alchemy.localState() },
  Effect.forEach(
    roles,
    (role) =>
      AWS.IAM.Role(role.RoleName, {
        roleName: role.RoleName,
        description: role.Description,
        maxSessionDuration: `${role.MaxSessionDuration} seconds`,
        assumeRolePolicyDocument: JSON.parse(role.AssumeRolePolicyDocument),
        inlinePolicies: { [role.inline.PolicyName]: JSON.parse(role.inline.PolicyDocument) },
        managedPolicyArns: [role.PolicyArn],
        tags: role.Tags,
      }),
    { discard: true },
  ),
);

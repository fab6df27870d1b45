// Roles by alchemy 0.94. It keeps what it has made in .alchemy of its folder: alchemy-0.mjs ROLES.json
import { readFileSync } from 'node:fs';
import alchemy from 'alchemy';
import { Role } from 'alchemy/aws';

const { roles } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const app = await alchemy('bench', { stage: 'bench', phase: 'up', quiet: true, noTrack: true, rootDir: process.cwd() });
await Promise.all(
  roles.map((role) =>
    Role(role.RoleName, {
      roleName: role.RoleName,
      description: role.Description,
      maxSessionDuration: role.MaxSessionDuration,
      assumeRolePolicy: JSON.parse(role.AssumeRolePolicyDocument),
      policies: [{ policyName: role.inline.PolicyName, policyDocument: JSON.parse(role.inline.PolicyDocument) }],
      managedPolicyArns: [role.PolicyArn],
      tags: role.Tags,
    }),
  ),
);
await app.finalize();

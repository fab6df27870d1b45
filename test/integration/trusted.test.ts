import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { JsonObject } from '../../src/contract/entity.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { trustField } from '../../src/kinds/shared/trust-recipes/index.js';
import { hold } from '../support/hold.js';
import { manifestOf } from '../support/manifests-of.js';
import { entityOf, outcomesOf, writesIn } from '../support/runs.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

useWorld();

const ID = 'OpenIDConnectProvider/tokens.example.com';
const ARN = `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`;
const provider: JsonObject = {
  kind: 'OpenIDConnectProvider',
  url: 'https://tokens.example.com',
  clientIdList: ['ours'],
};
const gone: JsonObject = { kind: 'OpenIDConnectProvider', url: 'https://tokens.example.com', state: 'absent' };

function trusting(Federated: string): JsonObject {
  const statement = { Effect: 'Allow', Principal: { Federated }, Action: 'sts:AssumeRoleWithWebIdentity' };
  return { Version: '2012-10-17', Statement: [statement] };
}

function role(roleName: string, Federated = ARN, more: JsonObject = {}): JsonObject {
  return { kind: 'Role', roleName, assumeRolePolicyDocument: trusting(Federated), ...more };
}

async function createRole(RoleName: string, owner?: string): Promise<void> {
  const Tags = owner === undefined ? [] : [{ Key: OwnershipTag.Namespace, Value: owner }];
  await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting(ARN)), Tags });
}

describe('an identity provider that roles trust', () => {
  beforeEach(async () => {
    await runs.apply([provider]);
    world.proxy.clear();
  });

  test('is not deleted where roles of others trust it, which are named with their owners', async () => {
    await createRole('stranger');
    await createRole('theirs', 'other');
    for (const command of ['apply', 'destroy'] as const) {
      const report = await runs.apply([command === 'apply' ? gone : provider], command === 'apply' ? {} : { command });
      expect(entityOf(report, ID)).toMatchObject({
        outcome: 'refused',
        reason:
          'cannot be deleted: it is trusted by Role/stranger (without an owner), ' +
          'Role/theirs (owned by iam-bootstrap namespace "other"), which would lose this access',
        remedy: `change the trust first, or set deleteTrusted: true on ${ID} or give --delete-trusted ${ID} to delete it anyway`,
      });
      expect(writesIn(world)).toEqual([]);
    }
  });

  test('is deleted with deleteTrusted: true or --delete-trusted, and the plan names the roles', async () => {
    await createRole('stranger');
    const planned = await runs.plan([{ ...gone, deleteTrusted: true }]);
    expect(entityOf(planned, ID).drift.map(({ summary }) => summary)).toEqual([
      `DeleteOpenIDConnectProvider ${ARN}`,
      'Role/stranger trusts it and loses this access (without an owner)',
    ]);
    expect(outcomesOf(await runs.apply([{ ...gone, deleteTrusted: true }]))).toEqual({ [ID]: 'deleted' });

    await runs.apply([provider]);
    const path = await world.manifest('gone.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [gone] }));
    expect((await world.cli(['apply', '-f', path])).code).toBe(3);
    expect((await world.cli(['apply', '-f', path, '--delete-trusted', ID])).code).toBe(0);
    expect((await world.cli(['apply', '-f', path, '--delete-trusted', 'Role/x'])).code).toBe(64);
  });

  test('is deleted after the roles that this run deletes or that it makes trust another provider', async () => {
    await createRole('found');
    await runs.apply([role('ours'), role('turned')]);
    world.proxy.clear();
    const other = `arn:aws:iam::${ACCOUNT}:oidc-provider/other.example.com`;
    const report = await runs.apply([
      gone,
      role('turned', other),
      role('found', other),
      { kind: 'Role', roleName: 'ours', state: 'absent' },
    ]);
    expect(outcomesOf(report)).toEqual({
      [ID]: 'deleted',
      'Role/turned': 'updated',
      'Role/found': 'adopted',
      'Role/ours': 'deleted',
    });
    expect(writesIn(world).at(-1)).toBe('DeleteOpenIDConnectProvider');
  });
});

describe('a virtual MFA device that goes with its user', () => {
  const user: JsonObject = { kind: 'User', userName: 'robot' };
  const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/robot`;

  async function createDevice(owner?: string): Promise<void> {
    const Tags = owner === undefined ? [] : [{ Key: OwnershipTag.Namespace, Value: owner }];
    await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'robot', Tags });
    const codes = { AuthenticationCode1: '123456', AuthenticationCode2: '654321' };
    await iam.enableMFADevice({ UserName: 'robot', SerialNumber, ...codes });
  }

  test.each([
    [undefined, `DeleteVirtualMFADevice ${SerialNumber} (without an owner)`],
    ['ci', `DeleteVirtualMFADevice ${SerialNumber} (owned by this namespace)`],
    ['other', 'VirtualMFADevice/robot is detached and kept: it is owned by iam-bootstrap namespace "other"'],
  ])('and that %s owns is named in the plan: %s', async (owner, line) => {
    await runs.apply([user]);
    await createDevice(owner);
    const absent = { ...user, state: 'absent' };
    const lines = entityOf(await runs.plan([absent]), 'User/robot').drift.map(({ summary }) => summary);
    expect(lines).toEqual([`DeactivateMFADevice robot ${SerialNumber}`, line, 'DeleteUser robot']);
    expect(outcomesOf(await runs.apply([absent]))).toEqual({ 'User/robot': 'deleted' });
    const { VirtualMFADevices = [] } = await iam.listVirtualMFADevices({});
    expect(VirtualMFADevices.map((device) => device.SerialNumber)).toEqual(owner === 'other' ? [SerialNumber] : []);
  });
});

describe('a role that trusts itself', () => {
  const itself = `arn:aws:iam::${ACCOUNT}:role/ci/deploy`;
  const root = `arn:aws:iam::${ACCOUNT}:root`;
  const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

  function deploy(...AWS: readonly string[]): JsonObject {
    const assumeRolePolicyDocument = { Version: '2012-10-17', Statement: [allowed(...AWS)] };
    return { kind: 'Role', roleName: 'deploy', path: '/ci/', assumeRolePolicyDocument, managedPolicyArns: [READ_ONLY] };
  }

  function allowed(...AWS: readonly string[]): JsonObject {
    return { Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' };
  }

  /** Returns the statements of each trust policy that was sent, in order. */
  function sentTrust(): unknown[] {
    return world.proxy.writes().flatMap(({ params }) => {
      const text = params['AssumeRolePolicyDocument'] ?? params['PolicyDocument'];
      return text === undefined ? [] : [(JSON.parse(text) as { Statement: unknown }).Statement];
    });
  }

  test('is created without itself, and trusts itself by the last write', async () => {
    const declared = deploy('{{arn Role/deploy}}', root);
    expect(entityOf(await runs.plan([declared]), 'Role/deploy')).toMatchObject({ decision: 'create' });
    expect(outcomesOf(await runs.apply([declared]))).toEqual({ 'Role/deploy': 'created' });
    expect(writesIn(world)).toEqual(['CreateRole', 'AttachRolePolicy', 'UpdateAssumeRolePolicy']);
    expect(sentTrust()).toEqual([[allowed(root)], [allowed(itself, root)]]);
    world.proxy.clear();
    expect(outcomesOf(await runs.apply([declared]))).toEqual({ 'Role/deploy': 'unchanged' });
    expect(writesIn(world)).toEqual([]);
  });

  test('is created once where replies are lost and IAM does not know it at first, and lets nobody in until then', async () => {
    const message = `Invalid principal in policy: "AWS":"${itself}"`;
    const notYet = { kind: 'error', status: 400, code: 'MalformedPolicyDocument', message } as const;
    world.proxy.on({ action: 'CreateRole' }, { kind: 'reset-after', times: 1 });
    world.proxy.on({ action: 'UpdateAssumeRolePolicy', nth: 1 }, notYet);
    world.proxy.on({ action: 'UpdateAssumeRolePolicy', nth: 2 }, notYet);
    world.proxy.on({ action: 'UpdateAssumeRolePolicy', nth: 3 }, { kind: 'reset-after' });
    const report = await runs.apply([deploy('{{arn Role/deploy}}')]);
    expect(outcomesOf(report)).toEqual({ 'Role/deploy': 'created' });
    expect(await world.creates()).toEqual({ 'CreateRole deploy': 1 });
    const nobody = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
    const [atCreate, ...later] = sentTrust();
    expect(atCreate).toEqual([nobody]);
    expect(new Set(later.map((statement) => JSON.stringify(statement)))).toEqual(
      new Set([JSON.stringify([allowed(itself)])]),
    );
    expect(later.length).toBeLessThanOrEqual(4);
  });

  test('is changed by one write once it exists', async () => {
    await runs.apply([deploy(root)]);
    world.proxy.clear();
    expect(outcomesOf(await runs.apply([deploy(root, '{{arn Role/deploy}}')]))).toEqual({ 'Role/deploy': 'updated' });
    expect(sentTrust()).toEqual([[allowed(root, itself)]]);
  });
});

/** The roles of the examples on the page about trust recipes, each with a name of its own. */
function recipeRoles(): JsonObject[] {
  const page = readFileSync(join(__dirname, '../../docs/trust.md'), 'utf8');
  const examples = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].flatMap(
    ([, text = '']) => parse(text) as JsonObject[],
  );
  return examples.map((example, index) => ({ ...example, roleName: `recipe-${String(index)}` }));
}

test('roles with trust recipes are created with the documents of the plan, and a second apply changes nothing', async () => {
  const roles = recipeRoles();
  const recipes = new Set(roles.flatMap(({ trust = {} }) => Object.keys(trust as JsonObject)));
  expect([...recipes].sort()).toEqual(Object.keys(trustField.shape).sort());
  const made = await runs.apply(roles);
  expect(new Set(Object.values(outcomesOf(made)))).toEqual(new Set(['created']));
  const { Role } = await iam.getRole({ RoleName: 'recipe-0' });
  expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ''))).toEqual({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: {
            'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
            'token.actions.githubusercontent.com:sub': ['repo:acme@123456/infra@456789:environment:prod'],
          },
        },
      },
    ],
  });
  world.proxy.clear();
  expect(new Set(Object.values(outcomesOf(await runs.apply(roles))))).toEqual(new Set(['unchanged']));
  expect(writesIn(world)).toEqual([]);
});

test('a trust of everybody is warned of by every command, at its line, and changes no exit code', async () => {
  const text = `version: 1
namespace: ci
environments: { test: { account: "${ACCOUNT}" } }
entities:
  - kind: Role
    roleName: open
    assumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement:
        - { Effect: Allow, Action: sts:AssumeRole, Principal: { AWS: "*" } }
`;
  const path = await world.manifest('open.yaml', text);
  const message = 'every AWS account can assume the role: the principal is "*", and there is no condition';
  for (const [command, code] of [
    ['validate', 0],
    ['plan', 0],
    ['apply', 0],
  ] as const) {
    const end = await world.cli([command, '-f', path], { GITHUB_ACTIONS: 'true' });
    expect([end.code, end.stderr]).toEqual([code, expect.stringContaining(`open.yaml:10:63: ${message}`)]);
    expect(end.stderr).toContain('remedy: name accounts or roles, or add a condition');
    expect(end.stderr).toMatch(
      /^::warning file=.*open\.yaml,line=10,col=63,title=manifest warning::every AWS account /m,
    );
  }
  const { stdout } = await world.cli(['validate', '-f', path, '-o', 'json']);
  const position = { file: expect.stringMatching(/open\.yaml$/) as string, line: 10, column: 63 };
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, problems: [], warnings: [{ ...position, message }] });
  expect((await world.cli(['validate', '-f', path, '--quiet'])).stderr).toBe('');
});

describe('a role that trusts a principal which IAM does not know', () => {
  const arnOf = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;
  const trustingRole = (roleName: string, AWS: string): JsonObject => ({
    kind: 'Role',
    roleName,
    assumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
    },
  });

  test('fails after a few attempts where nobody makes it; the command shows the wait, what AWS says and what to do', async () => {
    const entities = [trustingRole('r', arnOf('nobody'))];
    const path = await world.manifest('nobody.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities }));
    const { code, stdout, stderr } = await world.cli(['apply', '-f', path]);
    expect(code).toBe(1);
    const answer = `CreateRole answered MalformedPolicyDocument: Invalid principal in policy: "AWS":"${arnOf('nobody')}"`;
    const why = `Role/nobody does not exist in account ${ACCOUNT}`;
    expect(stderr).toContain(`create Role/r for ci: ${answer} (${why}; waiting for IAM, up to `);
    expect(stdout).toContain(`${answer} (${why}; for `);
    expect(stdout).toMatch(/create the principal first, or correct or remove it in the trust policy/);
    expect(world.proxy.count('CreateRole')).toBeLessThan(10);
    expect(await world.creates()).toEqual({});
  });

  test('waits for a role that the same run makes, written by its ARN', async () => {
    const create = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'made' } });
    const refused = new Promise<void>((done) => {
      const after = (): void => {
        done();
      };
      world.proxy.on({ action: 'CreateRole', params: { RoleName: 'r' }, nth: 2 }, { kind: 'hook', after });
    });
    const running = runs.apply([trustingRole('r', arnOf('made')), trustingRole('made', ACCOUNT)]);
    await Promise.all([create.reached, refused]);
    create.release();
    expect(outcomesOf(await running)).toEqual({ 'Role/r': 'created', 'Role/made': 'created' });
    expect(await world.creates()).toEqual({ 'CreateRole made': 1, 'CreateRole r': 1 });
  });

  test('waits for a role that another caller has just made', async () => {
    await createRole('theirs');
    const message = `Invalid principal in policy: "AWS":"${arnOf('theirs')}"`;
    const notYet = { kind: 'error', status: 400, code: 'MalformedPolicyDocument', message } as const;
    world.proxy.on({ action: 'CreateRole' }, { ...notYet, times: 2 });
    expect(outcomesOf(await runs.apply([trustingRole('r', arnOf('theirs'))]))).toEqual({ 'Role/r': 'created' });
  });

  test('fails at once where it is the ID of a deleted role', async () => {
    const report = await runs.apply([trustingRole('r', 'AROAEXAMPLE123456789')]);
    expect(entityOf(report, 'Role/r')).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('it is the ID of a role or user that was deleted') as unknown,
    });
    expect(world.proxy.count('CreateRole')).toBe(1);
  });
});

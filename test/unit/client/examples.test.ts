import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { validateManifestFiles } from '../../../src/client/manifest/load.js';
import type { DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import { entityId } from '../../../src/contract/entity.js';
import { canonicalDocument } from '../../../src/engine/policy/index.js';
import { KINDS } from '../../../src/kinds/index.js';
import template from '../fixtures/cdk-bootstrap-roles.json';

const ROOT = join(__dirname, '../../..');

/** The account of the sandbox, and the account that the examples call prod. */
const DEV = '111111111111';
const PROD = '222222222222';

/** The entities that each example declares. Add new examples here. */
const EXAMPLES: Readonly<
  Record<string, { readonly environments: readonly string[]; readonly kinds: readonly string[] }>
> = {
  'account.yaml': {
    environments: ['dev', 'prod'],
    kinds: [
      'AccessKey',
      'AccountAlias',
      'AccountPasswordPolicy',
      'LoginProfile',
      'SecurityTokenServicePreferences',
      'ServiceLinkedRole',
      'User',
      'User',
      'VirtualMFADevice',
    ],
  },
  'bootstrap.ts': { environments: ['dev', 'prod'], kinds: ['Role', 'Role', 'Role'] },
  'cdk-bootstrap.yaml': { environments: ['dev', 'prod'], kinds: ['Role', 'Role', 'Role', 'Role', 'Role'] },
  'fleet.yaml': { environments: [], kinds: [] },
  'first.yaml': { environments: ['dev'], kinds: ['Policy', 'Role'] },
  'github-ci.yaml': {
    environments: ['dev', 'prod'],
    kinds: ['Group', 'InstanceProfile', 'OpenIDConnectProvider', 'Policy', 'Policy', 'Role', 'Role', 'User'],
  },
};

async function load(names: readonly string[]): ReturnType<typeof validateManifestFiles> {
  return validateManifestFiles(
    names.map((name) => join('examples', name)),
    {
      cwd: ROOT,
      kinds: KINDS,
      variables: {},
      pipeline: { provider: 'local', url: null, commit: null, actor: null },
    },
  );
}

/** Returns the entities of an example in one environment. */
async function entitiesOf(name: string, environment: string): Promise<readonly DesiredEntity[]> {
  const { resolved } = await load([name]);
  return resolved.find(({ request }) => request.environment === environment)?.request.entities ?? [];
}

async function entity(name: string, environment: string, id: string): Promise<DesiredEntity> {
  const found = (await entitiesOf(name, environment)).find((one) => entityId(one) === id);
  if (found === undefined) throw new Error(`${name} declares no ${id} in ${environment}`);
  return found;
}

test('this test covers every manifest of the examples', () => {
  const files = readdirSync(join(ROOT, 'examples')).filter(
    (name) => !/^(policies$|guardrails-|new-account)/.test(name),
  );
  expect(files.sort()).toEqual(Object.keys(EXAMPLES).sort());
});

test('the fleet of the example renders in the account that has a value of its own', async () => {
  const { ok, fleets } = await load(['fleet.yaml']);
  expect(ok).toBe(true);
  expect(fleets.map(({ fleet, hasUnknown }) => [fleet, hasUnknown])).toEqual([['workloads', true]]);
  expect(fleets[0]?.resolved[0]?.request).toMatchObject({
    target: { account: '333333333333', assumeRole: 'arn:aws:iam::333333333333:role/iam-bootstrap' },
    entities: [{ kind: 'Role', name: 'data-audit' }],
  });
});

describe.each(Object.entries(EXAMPLES))('%s', (name, { environments, kinds }) => {
  test('is valid in every environment', async () => {
    const { ok, problems, warnings, resolved } = await load([name]);
    expect({ ok, problems, warnings }).toEqual({ ok: true, problems: [], warnings: [] });
    expect(resolved.map(({ request }) => request.environment)).toEqual(environments);
    for (const { request } of resolved) {
      expect(request.target.account).toBe(request.environment === 'dev' ? DEV : PROD);
      expect(request.entities.map(({ kind }) => kind).sort()).toEqual(kinds);
    }
  });

  test('contains no unresolved template except references', async () => {
    const { resolved } = await load([name]);
    const text = JSON.stringify(resolved.map(({ request }) => request.entities));
    expect(text.replaceAll(/\{\{arn [^{}]+\}\}/g, '')).not.toContain('{{');
  });
});

test('all examples can be applied to one account without collisions', async () => {
  const { problems } = await load(Object.keys(EXAMPLES));
  expect(problems).toEqual([]);
});

test('every policy file is used by a manifest', () => {
  const manifests = readdirSync(join(ROOT, 'examples'))
    .filter((name) => name !== 'policies')
    .map((name) => readFileSync(join(ROOT, 'examples', name), 'utf8'))
    .join('\n');
  for (const file of readdirSync(join(ROOT, 'examples/policies'))) {
    expect(manifests).toContain(`$file: policies/${file}`);
  }
});

describe('the GitHub example', () => {
  test('orders the deploy role after all entities that it refers to', async () => {
    const { dependsOn } = await entity('github-ci.yaml', 'prod', 'Role/prod-deploy');
    expect([...dependsOn].sort()).toEqual([
      'OpenIDConnectProvider/token.actions.githubusercontent.com',
      'Policy/prod-ci-boundary',
      'Policy/prod-deploy',
    ]);
  });

  test('leaves the members of the break-glass group unmanaged', async () => {
    const { spec } = await entity('github-ci.yaml', 'dev', 'Group/dev-operators');
    expect(spec).not.toHaveProperty('users');
  });
});

/** Converts the roles of the example and of the template to one form, with documents as IAM understands them. */
interface RoleView {
  readonly roleName: string;
  readonly trust: unknown;
  readonly managedPolicyArns: readonly string[];
  readonly inlinePolicies: Readonly<Record<string, unknown>>;
  readonly sids: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

function viewOf(role: JsonObject, resolve: (text: string) => string = (text) => text): RoleView {
  const { roleName, assumeRolePolicyDocument, managedPolicyArns, inlinePolicies, tags } = JSON.parse(
    resolve(JSON.stringify(role)),
  ) as { roleName: string } & Record<string, JsonObject | string[] | undefined>;
  const documents = Object.entries((inlinePolicies ?? {}) as JsonObject);
  return {
    roleName,
    trust: canonicalDocument(assumeRolePolicyDocument, { partition: 'aws' }),
    managedPolicyArns: (managedPolicyArns ?? []) as string[],
    inlinePolicies: Object.fromEntries(
      documents.map(([policy, document]) => [policy, canonicalDocument(document, { partition: 'aws' })]),
    ),
    // The canonical form leaves them out, and people look for them.
    sids: JSON.stringify(documents).match(/(?<="Sid":")\w+/g) ?? [],
    tags: (tags ?? {}) as unknown as Record<string, string>,
  };
}

describe('the CDK example', () => {
  const arnOfRole = (text: string): string =>
    text.replaceAll(/\{\{arn Role\/([^{}]+)\}\}/g, (_marker, role: string) => `arn:aws:iam::${DEV}:role/${role}`);

  test.each(template.roles.map((role) => [role.roleName, role] as const))(
    'declares %s as the template does',
    async (roleName, role) => {
      const { spec } = await entity('cdk-bootstrap.yaml', 'dev', `Role/${roleName}`);
      expect(viewOf(spec, arnOfRole)).toEqual(viewOf(role as unknown as JsonObject));
    },
  );

  test('declares the same as the template', async () => {
    const entities = await entitiesOf('cdk-bootstrap.yaml', 'dev');
    expect(entities.map(({ name }) => name).sort()).toEqual(template.roles.map(({ roleName }) => roleName).sort());
    for (const { spec } of entities) {
      expect(Object.keys(spec)).not.toContain('path');
      expect(Object.keys(spec)).not.toContain('permissionsBoundary');
    }
  });

  test('creates the deploy role after the role that it passes', async () => {
    const { dependsOn } = await entity('cdk-bootstrap.yaml', 'dev', `Role/cdk-hnb659fds-deploy-role-${DEV}-us-east-1`);
    expect(dependsOn).toEqual([`Role/cdk-hnb659fds-cfn-exec-role-${DEV}-us-east-1`]);
  });
});

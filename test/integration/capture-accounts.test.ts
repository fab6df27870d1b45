import { join } from 'node:path';
import type { IAM, Tag } from '@aws-sdk/client-iam';
import fc from 'fast-check';
import { captureAccount } from '../../src/client/capture/capture-account.js';
import { saveCapture } from '../../src/client/capture/save-capture.js';
import { loadRequest } from '../../src/client/request.js';
import { apply, plan } from '../../src/client/run/start.js';
import { entityId } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { claimAtCreate } from '../../src/engine/sharing.js';
import { openIdConnectProvider } from '../../src/kinds/open-id-connect-provider.js';
import { entitiesOf, MANIFESTS, type ManifestName, namespaceOf, type RunSpec } from '../support/account-model.js';
import { isRead } from '../support/kind-stage.js';
import { ALL_ACTIONS, type ManualAction, ManualActor } from '../support/manual-actor.js';
import { allowing, requestOf, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { temporal, useWorld, world } from '../support/use-world.js';

/**
 * Random accounts: runs of two namespaces and manual actions, as in the tests of chaos, beside entities that people and
 * other tools made. What is captured of them plans nothing but adoptions, and is captured as the same once it is adopted.
 *
 * `IAM_BOOTSTRAP_SEED` repeats the accounts of a printed seed.
 */

jest.setTimeout(900_000);
useWorld({ reset: false });

const ACCOUNTS = 4;

const SEED = Number(process.env['IAM_BOOTSTRAP_SEED'] ?? '20261201');

type Step = { readonly run: RunSpec } | { readonly action: ManualAction };

const KINDS = ['Role', 'User', 'Policy', 'Group', 'InstanceProfile', 'OpenIDConnectProvider'] as const;

/** An entity that no run of the account has made. */
interface Stranger {
  readonly kind: (typeof KINDS)[number];
  readonly name: string;
  readonly path: string;
  readonly owner: 'nobody' | 'ci' | 'other' | 'tool';
  readonly text: string;
  /** Tags of both spellings, where the kind tells them apart. */
  readonly hasTwinTags: boolean;
}

const manifests = Object.keys(MANIFESTS) as ManifestName[];

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(...manifests).map((manifest): Step => ({ run: { command: 'apply', manifest, keepGoing: true } })),
  fc.constantFrom(...ALL_ACTIONS).map((action): Step => ({ action })),
);

/** Names that differ in case: an account has one of them for each kind, since IAM compares names of a kind without case. */
const NAMES = ['app', 'App', 'APP', 'data-1', 'Data-1', 'a+b', 'a.b', 'x_y@z', 'yes', '007', '__proto__'];

const stranger: fc.Arbitrary<Stranger> = fc.record({
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom(...NAMES),
  path: fc.constantFrom('/', '/', '/ci/', '/CI/', '/a/b/'),
  owner: fc.constantFrom('nobody', 'nobody', 'ci', 'other', 'tool'),
  text: fc.constantFrom('', 'plain', '{{account}}', "it's # \"odd\": {{'{{'}}", '${aws:username}', '- yes'),
  hasTwinTags: fc.boolean(),
});

const anAccount = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  strangers: fc.uniqueArray(stranger, {
    minLength: 6,
    maxLength: 16,
    selector: ({ kind, name }) => `${kind}/${kind === 'OpenIDConnectProvider' ? name : name.toLowerCase()}`,
  }),
  format: fc.constantFrom('yaml' as const, 'json' as const),
});

const OWNER_TAGS: Readonly<Record<Stranger['owner'], Readonly<Record<string, string>>>> = {
  nobody: {},
  ci: { 'iam-bootstrap:namespace': 'ci', 'iam-bootstrap:origin': 'created' },
  other: { 'iam-bootstrap:namespace': 'other', 'iam-bootstrap:origin': 'created' },
  tool: { 'pulumi:stack': 'prod' },
};

function urlOf({ name }: Stranger): string {
  return `https://twins.example.com/${name.replaceAll(/[^\w.-]/g, '-')}`;
}

function idOf(one: Stranger): string {
  return `${one.kind}/${one.kind === 'OpenIDConnectProvider' ? urlOf(one).slice('https://'.length) : one.name}`;
}

async function make(iam: IAM, account: string, one: Stranger, others: readonly Stranger[]): Promise<void> {
  const { kind, name, path: Path, owner, text, hasTwinTags } = one;
  const own: Record<string, string> = { note: account, 'cost center': '007', ...OWNER_TAGS[owner] };
  const twins = hasTwinTags ? { Team: 'a', team: 'b' } : { team: 'b' };
  const tagList = (tags: Readonly<Record<string, string>>): Tag[] =>
    Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  // On roles and users, IAM compares keys without case.
  const folded = tagList({ ...own, team: 'a' });
  const exact = tagList({ ...own, ...twins });
  const document = JSON.stringify(allowing('s3:GetObject'));
  const policies = others.filter((other) => other.kind === 'Policy');
  const arns = policies.map((policy) => `arn:aws:iam::${account}:policy${policy.path}${policy.name}`);
  switch (kind) {
    case 'Role':
      await iam.createRole({
        RoleName: name,
        Path,
        Description: text,
        Tags: folded,
        AssumeRolePolicyDocument: JSON.stringify(trusting()),
        ...(arns[0] === undefined ? {} : { PermissionsBoundary: arns[0] }),
      });
      await iam.putRolePolicy({ RoleName: name, PolicyName: 'own', PolicyDocument: document });
      for (const PolicyArn of arns) await iam.attachRolePolicy({ RoleName: name, PolicyArn });
      return;
    case 'User':
      await iam.createUser({ UserName: name, Path, Tags: folded });
      for (const PolicyArn of arns) await iam.attachUserPolicy({ UserName: name, PolicyArn });
      return;
    case 'Policy':
      await iam.createPolicy({ PolicyName: name, Path, Description: text, PolicyDocument: document, Tags: exact });
      return;
    case 'Group':
      await iam.createGroup({ GroupName: name, Path });
      for (const user of others.filter((other) => other.kind === 'User')) {
        await iam.addUserToGroup({ GroupName: name, UserName: user.name });
      }
      return;
    case 'InstanceProfile': {
      await iam.createInstanceProfile({ InstanceProfileName: name, Path, Tags: exact });
      const role = others.find((other) => other.kind === 'Role');
      if (role !== undefined) await iam.addRoleToInstanceProfile({ InstanceProfileName: name, RoleName: role.name });
      return;
    }
    default: {
      const clientIdList = ['a', 'b'];
      const { share } = openIdConnectProvider;
      // An owner of this tool claims the client IDs that it declares.
      const claim = share === undefined || owner !== 'ci' ? {} : claimAtCreate(share, 'ci', { clientIdList });
      const Tags = [...exact, ...tagList(claim)];
      await iam.createOpenIDConnectProvider({ Url: urlOf(one), ClientIDList: clientIdList, Tags });
    }
  }
}

/** The order in which entities can be made: those that others name come first. */
const ORDER: readonly Stranger['kind'][] = [
  'Policy',
  'User',
  'Role',
  'OpenIDConnectProvider',
  'Group',
  'InstanceProfile',
];

let accounts = 0;

/** Returns an account with what a drawn case describes. */
async function fill({ steps, strangers }: typeof anAccount extends fc.Arbitrary<infer T> ? T : never) {
  accounts += 1;
  const account = String(500_000_000_000 + accounts);
  const actor = new ManualActor(world.sandbox.url, account, join(world.directory, 'secrets'));
  await actor.createBystanders();
  for (const one of steps) {
    if ('action' in one) await actor.perform(one.action);
    else {
      const parts = { namespace: namespaceOf(one.run), account, assumed: true, entities: entitiesOf(one.run, account) };
      await apply(temporal, { ...(await requestOf(world, parts)), keepGoing: true });
    }
  }
  const iam = iamClient(world.sandbox.url, account);
  const inOrder = [...strangers].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  for (const one of inOrder) await make(iam, account, one, strangers);
  return { account, actor };
}

/** Captures an account into a folder, and loads what was written as a plan does. */
async function captured(account: string, directory: string, options: Partial<Parameters<typeof captureAccount>[1]>) {
  const assumeRole = `arn:aws:iam::${account}:role/bootstrap`;
  const target = { account, partition: 'aws', assumeRole };
  const { files, report } = await captureAccount(temporal, { target, namespace: 'ci', environment: 'dev', ...options });
  await saveCapture(files, directory);
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'test' } as const;
  const paths = report.manifests.map((path) => join(directory, path));
  const loaded = await loadRequest(paths, { variables: {}, pipeline });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  return { files, report, request: loaded.request };
}

/** What belongs to an entity without being a property of it. */
const HOLDINGS = /^(accessKeys|groups|loginProfile|mfaDevices): /;

/** Returns what a plan of a captured manifest shows beside adoptions. */
async function changesOf(request: BootstrapRequest, decisions: readonly string[]): Promise<readonly string[]> {
  const report = await plan(temporal, request);
  return report.entities.flatMap((entity) => [
    ...(decisions.includes(entity.decision) ? [] : [`${entityId(entity)}: ${entity.decision}: ${entity.reason ?? ''}`]),
    ...entity.drift.map(({ path }) => `${entityId(entity)}: ${path}`),
    ...entity.unmanaged.filter((line) => !HOLDINGS.test(line)).map((line) => `${entityId(entity)}: ${line}`),
  ]);
}

const CASES = fc.sample(anAccount, { seed: SEED, numRuns: ACCOUNTS });

test.each(CASES.map((drawn, index) => [index, drawn] as const))(
  `account %i of seed ${String(SEED)} is captured as it is`,
  async (index, drawn) => {
    const { account, actor } = await fill(drawn);
    world.proxy.clear(account);
    const folder = join(world.directory, `captured-${String(index)}`);
    const first = await captured(account, join(folder, 'first'), { format: drawn.format });
    expect(first.report).toMatchObject({ result: 'captured', unread: [], notDeclared: [] });
    expect(await changesOf(first.request, ['adopt', 'no-op'])).toEqual([]);
    expect(world.proxy.calls.filter((call) => call.account === account && !isRead(call))).toEqual([]);

    // Every entity of the account is there, declared or with the reason why not.
    const declared = first.request.entities.map(entityId);
    const leftOut = new Map(first.report.leftOut.map((one) => [entityId(one), one.reason]));
    const { raw } = await actor.snapshot();
    const missing = Object.keys(raw).filter((id) => !declared.includes(id) && !leftOut.has(id));
    expect(missing.filter((id) => !id.startsWith('AccessKey/'))).toEqual([]);
    const owners = Object.fromEntries(drawn.strangers.map((one) => [idOf(one), leftOut.get(idOf(one)) ?? 'declared']));
    expect(owners).toEqual(
      Object.fromEntries(
        drawn.strangers.map((one) => {
          const isForeign = one.kind !== 'Group' && (one.owner === 'other' || one.owner === 'tool');
          return [idOf(one), isForeign ? (expect.stringMatching(/^belongs to /) as string) : 'declared'];
        }),
      ),
    );

    const applied = await apply(temporal, first.request);
    expect(applied.result).toBe('converged');
    const again = await captured(account, join(folder, 'again'), { format: drawn.format, owner: 'ours' });
    expect(await changesOf(again.request, ['no-op'])).toEqual([]);
    expect(again.files).toEqual(first.files);
  },
);

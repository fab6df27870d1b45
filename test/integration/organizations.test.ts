import { resolveFleet } from '../../src/activities/fleet/resolve-fleet.js';
import { Accounts } from '../../src/activities/runtime/accounts.js';
import { countingCalls } from '../../src/aws/calls.js';
import type { OpenOrganization } from '../../src/aws/organizations.js';
import type { FleetRequest, FleetSelection, ResolvedFleet } from '../../src/contract/fleet.js';
import { ACCOUNT, OTHER_ACCOUNT, sandbox, useSandbox } from '../support/iam-sandbox.js';
import { Administrator } from '../support/organization.js';

useSandbox();

const ROLE = `arn:aws:iam::${ACCOUNT}:role/organization-reader`;

function requestFor(selection: Partial<FleetSelection>, text = 'entities: []'): FleetRequest {
  return {
    version: 1,
    command: 'apply',
    fleet: 'workloads',
    namespace: 'landing',
    environment: 'workloads',
    partition: 'aws',
    manifest: { sources: [{ file: 'm.yaml', text }], files: {}, variables: {}, adopt: [], deleteTrusted: [], name: '' },
    selection: { ids: [], organizationalUnits: [], tags: {}, exclude: [], ...selection },
    rollout: { waves: [], concurrency: 1, maxFailures: { accounts: 0 }, approveWaves: false },
    digest: '',
    key: 'k',
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    keepGoing: false,
  };
}

let open: OpenOrganization | undefined;
afterEach(() => open?.close());

/** Resolves a fleet by a role of the management account, or of another one. */
async function resolve(
  selection: Partial<FleetSelection>,
  { text, role = ROLE }: { readonly text?: string; readonly role?: string } = {},
): Promise<ResolvedFleet> {
  const endpoint = { iamEndpoint: sandbox.url, stsEndpoint: sandbox.url, organizationsEndpoint: sandbox.url };
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'sandbox';
  const target = { account: role.split(':')[4] ?? '', partition: 'aws', assumeRole: role };
  open = new Accounts(endpoint).organization(target);
  const { organization } = open;
  const calls: Record<string, number> = {};
  return countingCalls(calls, () => resolveFleet(requestFor(selection, text), organization, calls));
}

const namesOf = ({ accounts }: ResolvedFleet): readonly (string | null)[] => accounts.map(({ name }) => name).sort();

test('finds the accounts of units at any depth, page by page, without reading tags', async () => {
  const administrator = new Administrator(sandbox.url);
  await administrator.found();
  const unit = await administrator.unit('workloads');
  const inner = await administrator.unit('inner', await administrator.unit('middle', unit));
  const other = await administrator.unit('other');
  const numbers = Array.from({ length: 45 }, (_, index) => `w${String(index).padStart(2, '0')}`);
  for (const name of numbers) await administrator.account(name, unit);
  await administrator.account('deep', inner);
  await administrator.account('elsewhere', other);
  const resolved = await resolve({ organizationalUnits: [unit] });
  expect(namesOf(resolved)).toEqual(['deep', ...numbers]);
  expect(resolved.accounts.map(({ id }) => id)).toEqual(resolved.accounts.map(({ id }) => id).toSorted());
  expect(resolved.calls).toEqual({
    ListAccountsForParent: 5,
    ListOrganizationalUnitsForParent: 3,
  });
});

test('selects by tags, and hands the tags on where templates use them', async () => {
  const administrator = new Administrator(sandbox.url);
  const root = await administrator.found();
  const unit = await administrator.unit('workloads');
  const shop = await administrator.account('shop', unit, { env: 'prod', team: 'a' });
  await administrator.account('test', unit, { env: 'test' });
  await administrator.account('blog', root, { env: 'prod' });
  const selection = { organizationalUnits: [unit], tags: { env: 'prod' } };
  expect(namesOf(await resolve(selection))).toEqual(['shop']);
  expect(namesOf(await resolve({ tags: { env: 'prod' } }))).toEqual(['blog', 'shop']);
  const listed = await resolve({ ids: [shop] }, { text: 'userName: "{{account.tags.team}}"' });
  expect(listed.accounts).toEqual([{ id: shop, name: 'shop', tags: { env: 'prod', team: 'a' } }]);
  const unread = await resolve({ ids: [shop] }, { text: 'userName: "{{account.name}}"' });
  expect(unread.calls).toEqual({ ListAccounts: 1 });
});

test('leaves out accounts that are closed, suspended or excluded, and names them', async () => {
  const administrator = new Administrator(sandbox.url);
  await administrator.found();
  const unit = await administrator.unit('workloads');
  const [active, suspended, pending, closed, excluded] = [
    await administrator.account('active', unit),
    await administrator.account('suspended', unit),
    await administrator.account('pending', unit),
    await administrator.account('closed', unit),
    await administrator.account('excluded', unit),
  ];
  await administrator.close(suspended);
  await administrator.setState(pending, 'PENDING_CLOSURE');
  await administrator.setState(closed, 'CLOSED');
  const resolved = await resolve({ organizationalUnits: [unit], ids: ['999999999999'], exclude: [excluded] });
  expect(resolved.accounts).toEqual([{ id: active, name: 'active', tags: {} }]);
  expect(Object.fromEntries(resolved.leftOut.map(({ id, reason }) => [id, reason]))).toEqual({
    [suspended]: 'it is suspended',
    [pending]: 'its closure is pending',
    [closed]: 'it is closed',
    [excluded]: 'the fleet excludes it',
    '999999999999': 'the organization has no such account',
  });
  await expect(resolve({ organizationalUnits: [unit], exclude: [active, excluded] })).rejects.toMatchObject({
    type: 'InvalidManifest',
    nonRetryable: true,
    message: expect.stringMatching(/^fleet workloads has no account: .*\(it is suspended\)/) as unknown,
  });
});

test('fails at once for what a person has to correct, and names it', async () => {
  await expect(resolve({ organizationalUnits: ['ou-abcd-11111111'] })).rejects.toMatchObject({
    type: 'OrganizationAccess',
    nonRetryable: true,
    message: expect.stringMatching(/AWSOrganizationsNotInUse: Your account is not a member/) as unknown,
  });
  const administrator = new Administrator(sandbox.url);
  const root = await administrator.found();
  await expect(resolve({ organizationalUnits: ['ou-abcd-11111111'] })).rejects.toMatchObject({
    type: 'InvalidManifest',
    nonRetryable: true,
    message: expect.stringMatching(/names an organizational unit that does not exist: .*ParentNotFound/) as unknown,
  });
  const member = await administrator.account('member', root);
  const asMember = { role: `arn:aws:iam::${member}:role/x` };
  await expect(resolve({ organizationalUnits: [root] }, asMember)).rejects.toMatchObject({ type: 'AccessDenied' });
  const policyDocument = {
    Statement: [{ Effect: 'Allow', Action: ['organizations:ListAccountsForParent'], Resource: '*' }],
  };
  const body = JSON.stringify({ account: ACCOUNT, policyDocument });
  await fetch(`${sandbox.url}/sandbox/authorise`, { method: 'POST', body });
  await expect(resolve({ organizationalUnits: [root] })).rejects.toMatchObject({
    type: 'AccessDenied',
    nonRetryable: true,
    message: expect.stringMatching(/organizations:ListOrganizationalUnitsForParent/) as unknown,
    details: [{ remedy: expect.stringMatching(/organizationRole/) as unknown }],
  });
  expect(member).not.toBe(OTHER_ACCOUNT);
});

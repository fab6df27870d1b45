import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { prepareAccount } from '../../../src/activities/fleet/prepare-account.js';
import { resolveFleet } from '../../../src/activities/fleet/resolve-fleet.js';
import { type FleetRequestOptions, loadFleetRequest } from '../../../src/client/fleet-request.js';
import { pathMatcher } from '../../../src/engine/manifest/bundle.js';
import type { FleetAccount, FleetRequest } from '../../../src/contract/fleet.js';
import { MAX_ENTITIES } from '../../../src/contract/request.js';
import { requestDigest } from '../../../src/engine/request-digest.js';

const MANIFEST = `version: 1
namespace: landing
fleets:
  workloads:
    accounts: { ids: ["111111111111", "222222222222"], organizationalUnits: [ou-abcd-11111111] }
    accountVariables: { $file: accounts.yaml }
    variables: { team: "{{account.tags.team}}" }
    waves: [{ accounts: 1 }, { percent: 50 }]
entities:
  - kind: Policy
    policyName: "{{team}}-deploy"
    policyDocument: { $file: "policies/{{account.tags.env}}.json" }
`;
const statement = (action: string): string =>
  `{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "${action}", "Resource": "*" }] }`;
const FILES = {
  'iam.yaml': MANIFEST,
  'accounts.yaml': '"222222222222": { team: other }',
  'policies/prod.json': statement('s3:GetObject'),
  'policies/dev.json': statement('s3:*'),
  'policies/old/prod.json': statement('iam:*'),
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  write(FILES);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

async function load(options: Partial<FleetRequestOptions> = {}, file = 'iam.yaml'): Promise<FleetRequest> {
  const loaded = await loadFleetRequest([file], { fleet: 'workloads', cwd: folder, ...options });
  if (!loaded.ok) throw new Error(loaded.problems.map(({ message, remedy }) => `${message}; ${remedy}`).join('\n'));
  return loaded.request;
}

const account = (id: string, tags: Record<string, string>): FleetAccount => ({ id, name: null, tags });

describe('a request for a fleet', () => {
  it('contains the manifest, the files that it may refer to, and the fleet', async () => {
    const request = await load({ command: 'plan', approveWaves: true, requestKey: 'k' });
    expect(request).toMatchObject({
      command: 'plan',
      fleet: 'workloads',
      namespace: 'landing',
      environment: 'workloads',
      partition: 'aws',
      selection: { ids: ['111111111111', '222222222222'], organizationalUnits: ['ou-abcd-11111111'] },
      rollout: { waves: [{ accounts: 1 }, { percent: 50 }, { percent: 100 }], approveWaves: true },
      key: 'k',
    });
    expect(request.manifest.sources).toEqual([{ file: 'iam.yaml', text: MANIFEST }]);
    expect(Object.keys(request.manifest.files['iam.yaml'] ?? {}).sort()).toEqual([
      'accounts.yaml',
      'policies/dev.json',
      'policies/prod.json',
    ]);
  });

  it('gives each account its own request, by nothing but what it contains', async () => {
    const request = JSON.parse(JSON.stringify(await load({ requestKey: 'k', keepGoing: true }))) as FleetRequest;
    rmSync(join(folder, 'policies'), { recursive: true });
    const first = await prepareAccount(request, account('111111111111', { team: 'shop', env: 'dev' }));
    const second = await prepareAccount(request, account('222222222222', { env: 'prod' }));
    expect([first, second].map(({ entities }) => entities.map(({ name }) => name))).toEqual([
      ['shop-deploy'],
      ['other-deploy'],
    ]);
    expect(JSON.stringify(first.entities[0]?.spec)).toContain('s3:*');
    expect(JSON.stringify(second.entities[0]?.spec)).toContain('s3:GetObject');
    expect(first).toMatchObject({ keepGoing: true, manifest: 'iam.yaml', digest: requestDigest(first) });
    expect(first.key).toMatch(/^fleet-[0-9a-f]{32}$/);
    expect(second.key).not.toBe(first.key);
    const again = await prepareAccount(request, account('111111111111', { team: 'shop', env: 'dev' }));
    expect(again).toEqual(first);
  });

  it('fails in the account whose manifest is not valid, with the problems', async () => {
    const request = await load();
    const prepare = (): Promise<unknown> => prepareAccount(request, account('111111111111', { env: 'test' }));
    await expect(prepare()).rejects.toThrow(ApplicationFailure);
    await expect(prepare()).rejects.toThrow(/not valid in account 111111111111: iam.yaml:7:24 .*no tag "team"/);
    await expect(prepare()).rejects.toThrow(/iam.yaml:12:\d+ \$file "policies\/test.json" cannot be read/);
  });

  it('reads no file of another name for an account whose name is that of the placeholder', async () => {
    const request = await load();
    const named = account('111111111111', { team: 'shop', env: 'placeholder' });
    await expect(prepareAccount(request, named)).rejects.toThrow(/"policies\/placeholder.json" cannot be read/);
  });

  it('finds the files that a path with several templates can stand for, and takes no time over long names', async () => {
    const names = [1, 2, 3, 4, 5, 6].map((tag) => `{{account.tags.t${String(tag)}}}`).join('');
    const long = `policies/${'a'.repeat(200)}`;
    write({
      'iam.yaml': MANIFEST.replace('{{account.tags.env}}.json', `x-${names}-y/{{account.name}}.json`),
      'policies/x-abcdef-y/b.json': statement('s3:*'),
      'policies/x-abcde-y/b.json': statement('s3:*'),
      'policies/x-abcdef-z/b.json': statement('s3:*'),
    });
    const { manifest } = await load();
    expect(Object.keys(manifest.files['iam.yaml'] ?? {})).toEqual(['accounts.yaml', 'policies/x-abcdef-y/b.json']);
    const began = Date.now();
    expect(pathMatcher(`policies/${names}.json`)(long)).toBe(false);
    expect(pathMatcher(`policies/${names}`)(long)).toBe(true);
    expect(Date.now() - began).toBeLessThan(500);
  });

  it('fails in the account whose rendered request is too large for one run', async () => {
    const users = Array.from(
      { length: MAX_ENTITIES + 1 },
      (_, index) => `  - { kind: User, userName: "u-{{account}}-${String(index)}" }`,
    );
    write({ 'iam.yaml': [MANIFEST.split('entities:')[0], 'entities:', ...users].join('\n') });
    const request = await load();
    await expect(prepareAccount(request, account('222222222222', {}))).rejects.toThrow(
      /not valid in account 222222222222: iam.yaml:.* too large for one run: it has 5,001 entities/,
    );
  });

  it('has the same digest for the same content, whatever the manifest is called and for any job', async () => {
    write({ 'other.yaml': MANIFEST });
    const { digest } = await load();
    const same = await load({ pipeline: { provider: 'local', url: 'u', commit: null, actor: 'a' } }, 'other.yaml');
    expect(same.digest).toBe(digest);
    write({ 'policies/dev.json': statement('s3:Put*') });
    expect((await load()).digest).not.toBe(digest);
    expect((await load({ only: ['111111111111'] })).digest).not.toBe((await load()).digest);
    expect((await load({ keepGoing: true })).digest).not.toBe((await load()).digest);
    expect((await load({ command: 'plan' })).digest).not.toBe((await load()).digest);
    expect((await load({ allowOlder: true })).digest).not.toBe((await load()).digest);
    expect((await load({ revision: 7 })).digest).toBe((await load()).digest);
  });

  it.each([
    ['a file that is missing', { 'iam.yaml': MANIFEST.replace('accounts.yaml', 'none.yaml') }, /"none.yaml" cannot be/],
    ['a file with templates that matches none', { 'iam.yaml': MANIFEST.replace('.json', '.yaml') }, /cannot be read/],
    [
      'an entity that is not valid',
      { 'iam.yaml': MANIFEST.replace('policyName', 'name') },
      /Policy has no field "name"/,
    ],
    ['an unknown fleet', { 'iam.yaml': MANIFEST.replace('workloads', 'workload') }, /did you mean workload\?/],
  ])('is refused for %s', async (_what, files, problem) => {
    write(files);
    await expect(load()).rejects.toThrow(problem);
  });

  it('is refused for a manifest that is a function, and made of one that is a constant', async () => {
    const constant = `{ version: 1, namespace: 'n', fleets: { workloads: { accounts: { ids: ['111111111111'] } } }, entities: [] }`;
    write({ 'f.mjs': `export default () => (${constant});`, 'c.mjs': `export default ${constant};` });
    await expect(load({}, 'f.mjs')).rejects.toThrow(/the manifest is a function, .*; export the manifest itself/);
    expect((await load({}, 'c.mjs')).manifest.sources).toMatchObject([{ file: 'c.mjs', value: { namespace: 'n' } }]);
  });

  it('is refused where it is too large to be sent', async () => {
    // Random text is not compressed.
    const random = Array.from({ length: 60 }, () => randomBytes(40_000).toString('base64'));
    write(Object.fromEntries(random.map((text, index) => [`policies/z${String(index)}.json`, text])));
    await expect(load()).rejects.toThrow(/too large: .* bytes, compressed, and the maximum is 1,750,000; split/);
  });
});

describe('the accounts of a fleet that lists them', () => {
  const unread = (): Promise<never> => Promise.reject(new Error('AWS Organizations is not read'));
  const organization = { accounts: unread, accountsOf: unread, unitsOf: unread, tagsOf: unread };

  it('are those of the list, or those that are asked for, and need no call', async () => {
    const plain = MANIFEST.replace(', organizationalUnits: [ou-abcd-11111111]', '')
      .replace('{{account.tags.team}}', 'shop')
      .replace('{{account.tags.env}}', 'dev');
    write({ 'iam.yaml': plain });
    const none = { name: null, tags: {} };
    expect(await resolveFleet(await load(), organization)).toEqual({
      accounts: [
        { id: '111111111111', ...none },
        { id: '222222222222', ...none },
      ],
      leftOut: [],
      calls: {},
    });
    const second = await resolveFleet(await load({ only: ['222222222222'] }), organization);
    expect(second.accounts).toEqual([{ id: '222222222222', ...none }]);
    await expect(resolveFleet(await load({ only: ['999999999999'] }), organization)).rejects.toThrow(
      /fleet workloads does not have account 9{12}/,
    );
  });
});

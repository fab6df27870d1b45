import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAwsClients } from '../../src/aws/clients.js';
import type { SecretStore } from '../../src/aws/secret-store.js';
import { apply, plan } from '../../src/client/run/start.js';
import type { JsonObject, SecretLocation } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import type { Call, Fault } from '../support/fault-proxy.js';
import { CERTIFICATE, PRIVATE_KEY } from '../support/kind-fixtures/certificates.js';
import { metadataOf } from '../support/kind-fixtures/saml-provider.js';
import { historiesAsText, Watch, writingsOf } from '../support/leaks.js';
import { manifestOf, requestOf } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult, WorkerProcess } from '../support/world.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';

let watch: Watch;

afterAll(() => watch.end());
useWorld({ databaseFile: true, worker: false, reset: false });

/** The content of a location. */
type Stored = Readonly<Record<string, string>>;

/** A kind whose secret is stored, as these tests use it. */
interface SecretKind {
  readonly kind: string;
  /** The calls that create and delete it. */
  readonly create: string;
  readonly remove: string;
  /** Its properties for a user of that name, without the location. */
  readonly spec: (name: string) => JsonObject;
  /** IDs of the existing ones, as AWS lists them. */
  readonly live: (name: string) => Promise<string[]>;
  /** Creates another one, as another caller would; undefined where there can be only one. */
  readonly byHand?: (name: string) => Promise<string>;
  /** The stored field with the ID, and the secret fields. */
  readonly id: string;
  readonly secrets: readonly string[];
}

const CODE_COMMIT = 'codecommit.amazonaws.com';
const BEDROCK = 'bedrock.amazonaws.com';

/** Five kinds of secret. A login profile's is generated, the others are AWS's. */
const KINDS: Readonly<Record<string, SecretKind>> = {
  'an access key': {
    kind: 'AccessKey',
    create: 'CreateAccessKey',
    remove: 'DeleteAccessKey',
    spec: (userName) => ({ kind: 'AccessKey', userName }),
    live: async (UserName) =>
      ((await iam.listAccessKeys({ UserName })).AccessKeyMetadata ?? []).map(({ AccessKeyId = '' }) => AccessKeyId),
    byHand: async (UserName) => (await iam.createAccessKey({ UserName })).AccessKey?.AccessKeyId ?? '',
    id: 'AccessKeyId',
    secrets: ['SecretAccessKey'],
  },
  'a password for a service': serviceCredential(CODE_COMMIT, 'ServicePassword'),
  'an API key of a service': serviceCredential(BEDROCK, 'ServiceCredentialSecret'),
  'the seed of a virtual MFA device': {
    kind: 'VirtualMFADevice',
    create: 'CreateVirtualMFADevice',
    remove: 'DeleteVirtualMFADevice',
    spec: (virtualMfaDeviceName) => ({ kind: 'VirtualMFADevice', virtualMfaDeviceName }),
    live: async (name) =>
      ((await iam.listVirtualMFADevices({})).VirtualMFADevices ?? [])
        .map(({ SerialNumber = '' }) => SerialNumber)
        .filter((serial) => serial.endsWith(`/${name}`)),
    id: 'SerialNumber',
    secrets: ['Base32StringSeed'],
  },
  'a password for the console': {
    kind: 'LoginProfile',
    create: 'CreateLoginProfile',
    remove: 'DeleteLoginProfile',
    spec: (userName) => ({ kind: 'LoginProfile', userName }),
    live: async (UserName) => {
      const found = await iam.getLoginProfile({ UserName }).catch(() => undefined);
      return found?.LoginProfile?.UserName === undefined ? [] : [found.LoginProfile.UserName];
    },
    id: 'UserName',
    secrets: ['Password'],
  },
};

function serviceCredential(serviceName: string, secret: string): SecretKind {
  return {
    kind: 'ServiceSpecificCredential',
    create: 'CreateServiceSpecificCredential',
    remove: 'DeleteServiceSpecificCredential',
    spec: (userName) => ({ kind: 'ServiceSpecificCredential', userName, serviceName }),
    live: async (UserName) => {
      const listed = await iam.listServiceSpecificCredentials({ UserName, ServiceName: serviceName });
      return (listed.ServiceSpecificCredentials ?? []).map((one) => one.ServiceSpecificCredentialId ?? '');
    },
    byHand: async (UserName) => {
      const made = await iam.createServiceSpecificCredential({ UserName, ServiceName: serviceName });
      return made.ServiceSpecificCredential?.ServiceSpecificCredentialId ?? '';
    },
    id: 'ServiceSpecificCredentialId',
    secrets: [secret],
  };
}

const TITLES = Object.keys(KINDS);

let worker: WorkerProcess;
let places: SecretStore;
/** Output for people and programs while the tests ran. It must hold no secret. */
const told = { commands: '', reports: '', logs: '' };

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  places = createAwsClients(
    { account: ACCOUNT, partition: 'aws' },
    { secretsManagerEndpoint: world.sandbox.url, secretsFolder: folder() },
  ).secrets;
  watch = new Watch(temporal.client);
  await mkdir(folder(), { mode: 0o700 });
  // The strictest password policy, without an expiry.
  await iam.updateAccountPasswordPolicy({
    MinimumPasswordLength: 32,
    RequireSymbols: true,
    RequireNumbers: true,
    RequireUppercaseCharacters: true,
    RequireLowercaseCharacters: true,
  });
  worker = await startWorker();
});

function folder(): string {
  return join(world.directory, 'secrets');
}

async function startWorker(): Promise<WorkerProcess> {
  const started = await world.startWorker({ IAM_BOOTSTRAP_LOG: 'trace' });
  void started.exited.then(() => (told.logs += started.log()));
  return started;
}

/** Some secrets are stored in files, the others in Secrets Manager. */
function fileOf(name: string): SecretLocation {
  return { file: `${name}.json` };
}

function secretOf(name: string): SecretLocation {
  return { secretsManager: `ci/${name}` };
}

function kindOf(title: string): SecretKind {
  const kind = KINDS[title];
  if (kind === undefined) throw new Error(`no ${title}`);
  return kind;
}

function declared(title: string, name: string, secret: SecretLocation): JsonObject {
  return { ...kindOf(title).spec(name), secret };
}

/** A run of a namespace of its own, so that many can run at a time. */
async function run(name: string, ...entities: readonly JsonObject[]): Promise<EntityReport> {
  const report = await apply(temporal, await requestOf(world, { namespace: name, account: ACCOUNT, entities }));
  return heard(report);
}

function heard(report: Report): EntityReport {
  told.reports += JSON.stringify(report);
  const [entity] = report.entities;
  if (entity === undefined) throw new Error(`the report has no entity: ${JSON.stringify(report)}`);
  return entity;
}

async function command(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  const result = await world.cli(args, env);
  told.commands += result.stdout + result.stderr;
  return result;
}

async function makeUser(UserName: string): Promise<void> {
  await iam.createUser({ UserName });
}

/** Calls of a kind's action that are about a name. */
function callsOf(action: string, name: string): Call[] {
  return world.proxy.calls.filter((call) => call.action === action && isAbout(call, name));
}

function isAbout({ params }: Call, name: string): boolean {
  const { UserName = '', VirtualMFADeviceName = '', SerialNumber = '', Name = '' } = params;
  return [UserName, VirtualMFADeviceName, SerialNumber.split('/').at(-1), Name.split('/').at(-1)].includes(name);
}

function committed(action: string, name: string): number {
  return callsOf(action, name).filter((call) => call.committed).length;
}

/** Makes calls about a name fail. */
function on(action: string, name: string, fault: Fault): void {
  world.proxy.on({ action, predicate: (call) => isAbout(call, name) }, fault);
}

/** Expects a complete stored secret, of an entity that AWS created through the proxy. */
async function expectWholeRecord(title: string, name: string, place: SecretLocation): Promise<Stored> {
  const { kind, id, secrets } = kindOf(title);
  const stored = (await places.readRecord(place)) ?? {};
  expect(stored).toMatchObject({ Account: ACCOUNT, Intent: expect.any(String) as unknown });
  expect(stored['Entity']).toMatch(new RegExp(`^${kind}/${name}(/|$)`));
  expect(stored[id]).not.toBe('');
  for (const field of secrets) {
    const value = stored[field] ?? '';
    const passed = kind === 'VirtualMFADevice' ? Buffer.from(value).toString('base64') : value;
    expect([...world.proxy.secrets].includes(passed)).toBe(true);
  }
  return stored;
}

/** Expects one live entity beside those of other callers: the stored one. No Create has left another. */
async function expectOneLive(
  title: string,
  name: string,
  place: SecretLocation,
  others: readonly string[] = [],
): Promise<void> {
  const { live, id, create, remove } = kindOf(title);
  const stored = await expectWholeRecord(title, name, place);
  expect((await live(name)).sort()).toEqual([...others, stored[id]].sort());
  expect(committed(create, name) - committed(remove, name)).toBe(1);
  if (title !== 'a password for the console') return;
  expect(committed(create, name)).toBe(1);
  const sent = callsOf(create, name).filter((call) => call.committed);
  expect(sent.map(({ params }) => params['Password'] === stored['Password'])).toEqual([true]);
}

describe('a secret is stored at the location that the manifest names', () => {
  const cases = TITLES.flatMap((title, index) => [
    [title, 'a file', `file-${String(index)}`, fileOf(`file-${String(index)}`)] as const,
    [title, 'Secrets Manager', `sm-${String(index)}`, secretOf(`sm-${String(index)}`)] as const,
  ]);
  const entities = cases.flatMap(([title, , name, place]) => [
    { kind: 'User', userName: name },
    declared(title, name, place),
  ]);
  let report: Report;

  beforeAll(async () => {
    const path = await world.manifest('all.json', manifestOf({ namespace: 'all', account: ACCOUNT, entities }));
    for (const args of [['plan'], ['plan', '--output', 'json']]) await command([...args, '-f', path]);
    const applied = await command(['apply', '-f', path, '--output', 'json']);
    expect(applied.code).toBe(0);
    report = applied.report();
    world.proxy.clear();
    const again = await command(['apply', '-f', path]);
    expect([again.code, world.proxy.writes()]).toEqual([0, []]);
    await command(['status', '-f', path]);
  });

  test.each(cases)('%s, to %s', async (title, _what, name, place) => {
    const { kind, live, id, secrets } = kindOf(title);
    const mine = report.entities.find((entity) => entity.kind === kind && entity.name.split('/')[0] === name);
    expect(mine).toMatchObject({ outcome: 'created', confirmedBy: 'reply' });
    const stored = await expectWholeRecord(title, name, place);
    expect(stored['Intent']).toBe(report.workflow.runId);
    expect(await live(name)).toEqual([stored[id]]);
    expect(secrets.map((field) => (stored[field] ?? '').length >= 20)).toEqual(secrets.map(() => true));
    if (!('file' in place)) return;
    const [file, holder] = await Promise.all([stat(join(folder(), place.file)), stat(folder())]);
    expect([file.mode & 0o777, holder.mode & 0o777]).toEqual([0o600, 0o700]);
  });

  test('no temporary files are left', async () => {
    const files = cases.flatMap(([, , , place]) => ('file' in place ? [place.file] : []));
    expect((await readdir(folder())).sort()).toEqual(files.sort());
  });

  test.each(cases.filter(([title]) => title === 'an access key'))(
    '%s from %s signs, and is the user’s',
    async (_title, _what, name, place) => {
      const { AccessKeyId: accessKeyId = '' } = (await places.readRecord(place)) ?? {};
      const user = await iamClient(world.sandbox.url, undefined, { accessKeyId }).getUser({});
      expect(user.User?.UserName).toBe(name);
    },
  );
});

describe('a reply that is lost', () => {
  const faults: readonly [string, Fault][] = [
    ['the connection breaks before it is made', { kind: 'reset-before', times: 1 }],
    ['the connection breaks when it is made', { kind: 'reset-after', times: 1 }],
    ['AWS answers 500 when it is made', { kind: 'error-after-commit', times: 1 }],
  ];
  const cases = TITLES.flatMap((title, k) =>
    faults.map(([what, fault], f) => {
      const name = `lost-${String(k)}-${String(f)}`;
      return [title, what, { name, fault, place: (k + f) % 2 === 0 ? fileOf(name) : secretOf(name) }] as const;
    }),
  );
  const runs = new Map<string, Promise<{ readonly entity: EntityReport; readonly others: readonly string[] }>>();

  beforeAll(() => {
    for (const [title, , { name, fault, place }] of cases) {
      const start = async (): Promise<{ entity: EntityReport; others: string[] }> => {
        const { create, byHand } = kindOf(title);
        await makeUser(name);
        const others = byHand === undefined ? [] : [await byHand(name)];
        on(create, name, fault);
        return { entity: await run(name, declared(title, name, place)), others };
      };
      const running = start();
      running.catch(() => undefined);
      runs.set(name, running);
    }
    return Promise.allSettled(runs.values());
  });

  test.each(cases)('of %s, as %s, leaves one whose secret is stored', async (title, _what, { name, fault, place }) => {
    const result = await runs.get(name);
    expect(result?.entity).toMatchObject({ outcome: 'created', decision: 'create', conflicts: [] });
    const lost = fault.kind !== 'reset-before';
    const generated = title === 'a password for the console';
    expect(result?.entity.confirmedBy).toBe(generated && lost ? 'recorded-attempt' : 'reply');
    expect(committed(kindOf(title).create, name)).toBe(lost && !generated ? 2 : 1);
    await expectOneLive(title, name, place, result?.others);
  });
});

describe('a worker that is killed', () => {
  const points = ['between the Create and the store', 'between the store and the end'] as const;
  const cases = TITLES.flatMap((title, k) =>
    points.map((point, p) => {
      const name = `killed-${String(k)}-${String(p)}`;
      return [title, point, { name, place: p === 1 || k % 2 === 0 ? secretOf(name) : fileOf(name) }] as const;
    }),
  ).filter(([title, point]) => title !== 'a password for the console' || point === points[0]);
  const runs = new Map<string, Promise<EntityReport>>();

  beforeAll(async () => {
    let dead = (): void => undefined;
    const death = new Promise<void>((resolve) => (dead = resolve));
    const start = async ([title, point, { name, place }]: (typeof cases)[number]): Promise<void> => {
      let arrive = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      const after = async (): Promise<'drop'> => {
        arrive();
        await death;
        return 'drop';
      };
      if (point === points[0]) on(kindOf(title).create, name, { kind: 'hook', times: 1, after });
      // The first one that succeeds stores the secret; the reservation before it created the location.
      else on('PutSecretValue', name, { kind: 'hook', after: (call) => (call.committed ? after() : undefined) });
      await makeUser(name);
      const running = run(name, declared(title, name, place));
      // A run that ends before the point is noticed by its attempts.
      running.then(arrive, arrive);
      runs.set(name, running);
      await arrived;
    };
    await Promise.all(cases.map(start));
    await worker.kill();
    world.proxy.clearRules();
    dead();
    worker = await startWorker();
    await Promise.allSettled(runs.values());
  });

  test.each(cases)(
    '%s, %s: another worker finishes the run with one whose secret is stored',
    async (title, point, { name, place }) => {
      const entity = await runs.get(name);
      expect(entity).toMatchObject({ outcome: 'created', decision: 'create', attempts: 2 });
      const generated = title === 'a password for the console';
      const tagged = title === 'the seed of a virtual MFA device';
      const before = point === points[0];
      expect(entity?.confirmedBy).toBe(before && !generated ? 'reply' : tagged ? 'intent-tag' : 'recorded-attempt');
      expect(committed(kindOf(title).create, name)).toBe(before && !generated ? 2 : 1);
      await expectOneLive(title, name, place);
    },
  );
});

/** Has AWS Secrets Manager deny an action on a location. */
function deny(action: string | RegExp, name: string): void {
  world.proxy.on(
    { action, params: { Name: `ci/${name}` } },
    { kind: 'error', status: 400, code: 'AccessDeniedException', message: 'not authorized to write it' },
  );
}

describe('a location that cannot be used', () => {
  test.each(TITLES)('refuses every write: %s is created only once the location accepts it', async (title) => {
    const name = `denied-${String(TITLES.indexOf(title))}`;
    await makeUser(name);
    deny(/^(Create|Put)Secret/, name);
    const entity = declared(title, name, secretOf(name));
    const denied = await run(name, entity);
    expect(denied).toMatchObject({ outcome: 'failed', confirmedBy: null, writes: [] });
    expect(denied.reason).toMatch(/^PutSecretValue answered AccessDenied: not authorized to write it/);
    expect(callsOf(kindOf(title).create, name)).toEqual([]);

    world.proxy.clearRules();
    expect(await run(name, entity)).toMatchObject({ outcome: 'created', confirmedBy: 'reply' });
    await expectOneLive(title, name, secretOf(name));
  });

  test.each(TITLES.slice(0, -1))(
    'refuses the secret itself: %s is removed again, and the report says so',
    async (title) => {
      const name = `late-${String(TITLES.indexOf(title))}`;
      await makeUser(name);
      const others = (await kindOf(title).byHand?.(name)) ?? [];
      // Another caller revokes the permission after the location is reserved.
      on(kindOf(title).create, name, {
        kind: 'hook',
        after: () => {
          deny('PutSecretValue', name);
        },
      });
      const entity = declared(title, name, secretOf(name));
      const denied = await run(name, entity);
      expect(denied).toMatchObject({ outcome: 'failed', confirmedBy: null });
      expect(denied.reason).toMatch(
        /does not accept the secret .*AccessDenied.*; what was created for it was removed again/,
      );
      expect(await kindOf(title).live(name)).toEqual([others].flat());

      world.proxy.clearRules();
      expect(await run(name, entity)).toMatchObject({ outcome: 'created', confirmedBy: 'reply' });
      await expectOneLive(title, name, secretOf(name), [others].flat());
    },
  );

  test('refuses the secret, while AWS refuses to remove what was created: the report names it', async () => {
    const name = 'stuck';
    const [title = ''] = TITLES;
    await makeUser(name);
    on('CreateAccessKey', name, {
      kind: 'hook',
      after: () => {
        deny('PutSecretValue', name);
      },
    });
    on('DeleteAccessKey', name, { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' });
    const denied = await run(name, declared(title, name, secretOf(name)));
    const [left = ''] = await kindOf(title).live(name);
    expect(left).toMatch(/^AKIA/);
    expect(denied.outcome).toBe('failed');
    expect(denied.reason).toContain(`${left}, whose secret is lost, cannot be removed (DeleteAccessKey answered Acc`);
  });

  test('refuses reads: nothing is written', async () => {
    const name = 'unread';
    const [title = ''] = TITLES;
    await makeUser(name);
    deny('GetSecretValue', name);
    const request = await requestOf(world, {
      namespace: name,
      account: ACCOUNT,
      entities: [declared(title, name, secretOf(name))],
    });
    const refused = await apply(temporal, request).catch((error: unknown) => error);
    told.reports += JSON.stringify(refused) + String(refused);
    expect(JSON.stringify(refused)).toContain('AccessDenied');
    expect(callsOf('CreateAccessKey', name)).toEqual([]);
    expect(callsOf('CreateSecret', name)).toEqual([]);
  });

  test('has a name that leads out of the folder: the manifest is refused', async () => {
    for (const file of ['../out', '/etc/out', 'a/../../out', './out']) {
      const entities = [declared('an access key', 'nobody', { file })];
      const path = await world.manifest('out.json', manifestOf({ namespace: 'out', account: ACCOUNT, entities }));
      const { code, stdout, stderr } = await command(['apply', '-f', path]);
      expect([file, code]).toEqual([file, 64]);
      expect(stdout + stderr).toContain('write a path without . and .. that does not begin with /');
    }
  });

  const OTHERS = JSON.stringify({ Entity: 'AccessKey/another', Account: ACCOUNT, Intent: 'x', AccessKeyId: 'AKIAX' });
  const held: readonly [string, string, RegExp][] = [
    ['a text of another origin', 'hands off', /has content that iam-bootstrap did not store/],
    ['JSON that is no record', '["hands", "off"]', /has content that iam-bootstrap did not store/],
    ['a record of something else', '{"hands": "off"}', /holds the secret of something else/],
    ['another entity’s secret', OTHERS, /holds the secret of AccessKey\/another of account 111111111111/],
    [
      'the secret of an account of the same names',
      OTHERS.replace('another', 'taken-4').replace(ACCOUNT, '222222222222'),
      /holds the secret of AccessKey\/taken-4 of account 222222222222/,
    ],
  ];

  test.each(held.map((one, index) => [...one, `taken-${String(index)}`] as const))(
    'for it holds %s: nothing is made, and what it holds is left',
    async (_what, content, reason, name) => {
      await makeUser(name);
      await writeFile(join(folder(), `${name}.json`), content, { mode: 0o600 });
      const sandbox = createSandboxSecrets();
      await sandbox('CreateSecret', { Name: `ci/${name}`, SecretString: content });
      for (const place of [fileOf(name), secretOf(name)]) {
        const why = await failureOf(name, declared('an access key', name, place));
        expect(why).toMatch(reason);
      }
      expect(await readFile(join(folder(), `${name}.json`), 'utf8')).toBe(content);
      expect((await sandbox('GetSecretValue', { SecretId: `ci/${name}` }))['SecretString']).toBe(content);
      expect(callsOf('CreateAccessKey', name)).toEqual([]);
    },
  );

  test('holds bytes: nothing is created, and they are kept', async () => {
    const name = 'binary';
    await makeUser(name);
    const sandbox = createSandboxSecrets();
    await sandbox('CreateSecret', { Name: `ci/${name}`, SecretBinary: 'aGFuZHMgb2Zm' });
    expect(await failureOf(name, declared('an access key', name, secretOf(name)))).toMatch(
      /has content that iam-bootstrap/,
    );
    expect((await sandbox('GetSecretValue', { SecretId: `ci/${name}` }))['SecretBinary']).toBe('aGFuZHMgb2Zm');
    expect(callsOf('CreateAccessKey', name)).toEqual([]);
  });

  test('is a link, lies behind one, or below a file: nothing is created, and nothing is written elsewhere', async () => {
    const name = 'linked';
    await makeUser(name);
    const outside = join(world.directory, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'target'), '');
    await symlink(join(outside, 'target'), join(folder(), 'link'));
    await symlink(outside, join(folder(), 'behind'));
    await writeFile(join(folder(), 'plain'), '');
    const failures = [
      await failureOf(name, declared('an access key', name, { file: 'link' })),
      await failureOf(name, declared('an access key', name, { file: 'behind/new' })),
      await failureOf(name, declared('an access key', name, { file: 'plain/new' })),
    ];
    expect(failures[0]).toContain('secret file link is not a regular file');
    expect(failures[1]).toContain('secret file behind/new leads through a symbolic link');
    expect(failures[2]).toMatch(/secret file plain\/new cannot be used \(E(NOTDIR|EXIST)\)/);
    expect(await readdir(outside)).toEqual(['target']);
    expect(await readFile(join(outside, 'target'), 'utf8')).toBe('');
    expect(callsOf('CreateAccessKey', name)).toEqual([]);
  });

  test('is named by two entities at the same moment: one gets it, and the other leaves nothing behind', async () => {
    const names = ['first', 'second'];
    await Promise.all(names.map(makeUser));
    let marking = 0;
    let both = (): void => undefined;
    const bothMark = new Promise<void>((resolve) => (both = resolve));
    const before = async (): Promise<void> => {
      marking += 1;
      if (marking === names.length) both();
      await bothMark;
    };
    world.proxy.on({ action: 'PutSecretValue', params: { Name: 'ci/both' } }, { kind: 'hook', before });
    const place = secretOf('both');
    const entities = await Promise.all(names.map((name) => run(name, declared('an access key', name, place))));
    const { UserName: winner = '' } = (await places.readRecord(place)) ?? {};
    expect(names).toContain(winner);
    await expectOneLive('an access key', winner, place);
    const loser = entities.find(({ name }) => name !== winner);
    expect(loser).toMatchObject({ outcome: 'failed', confirmedBy: null });
    expect(loser?.reason).toContain(`holds the secret of AccessKey/${winner} of account ${ACCOUNT}`);
    expect(loser?.reason).toContain('; what was created for it was removed again');
    expect(await kindOf('an access key').live(loser?.name ?? '')).toEqual([]);
  });

  test('is empty: it is used', async () => {
    const name = 'empty';
    await makeUser(name);
    await writeFile(join(folder(), 'empty.json'), '\n');
    expect((await run(name, declared('an access key', name, fileOf(name)))).outcome).toBe('created');
    await expectOneLive('an access key', name, fileOf(name));
  });
});

/** Returns the reason of a failed run, from its entity or the run itself. */
async function failureOf(name: string, entity: JsonObject): Promise<string> {
  const request = await requestOf(world, { namespace: name, account: ACCOUNT, entities: [entity] });
  const outcome = await apply(temporal, request).catch((error: unknown) => error);
  const text = outcome instanceof Error ? String(outcome) : JSON.stringify(outcome);
  told.reports += text;
  const result = (outcome as Partial<Report>).result ?? 'failed';
  expect(result).toBe('failed');
  return text;
}

/** Calls Secrets Manager as another caller. */
function createSandboxSecrets(): (action: string, input: JsonObject) => Promise<Record<string, unknown>> {
  return async (action, input) => {
    const response = await fetch(world.sandbox.url, {
      method: 'POST',
      headers: {
        'x-amz-target': `secretsmanager.${action}`,
        authorization: 'AWS4-HMAC-SHA256 Credential=AKIATEST/20261124/us-east-1/secretsmanager/aws4_request',
      },
      body: JSON.stringify(input),
    });
    return (await response.json()) as Record<string, unknown>;
  };
}

describe('a location that is out of reach for a while', () => {
  /** Makes the next calls about a location fail. */
  function breakSome(action: string, name: string, times: number): void {
    on(action, name, { kind: 'reset-before', times });
  }

  test.each(TITLES)(
    'before the Create: %s is created once, and what another caller creates meanwhile is kept',
    async (title) => {
      const name = `away-${String(TITLES.indexOf(title))}`;
      const { byHand, create } = kindOf(title);
      await makeUser(name);
      // The plan reads the location; then it is out of reach for longer than the SDK retries.
      let read = 0;
      let somebodys: Promise<string> | undefined;
      world.proxy.on(
        { action: 'GetSecretValue', params: { Name: `ci/${name}` } },
        {
          kind: 'hook',
          before: async () => {
            read += 1;
            const breaks =
              title === 'a password for the console' || title === 'the seed of a virtual MFA device' ? 1 : 2;
            if (read < breaks || read >= breaks + 4) return undefined;
            if (byHand !== undefined) await (somebodys ??= byHand(name));
            return 'drop';
          },
        },
      );
      const entity = await run(name, declared(title, name, secretOf(name)));
      expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply', attempts: 2 });
      expect(read).toBeGreaterThan(4);
      expect(callsOf(create, name)).toHaveLength(1);
      await expectOneLive(title, name, secretOf(name), somebodys === undefined ? [] : [await somebodys]);
    },
  );

  test.each(TITLES.slice(0, -1))('after the Create: %s waits for it, and is created once', async (title) => {
    const name = `away-late-${String(TITLES.indexOf(title))}`;
    const { create } = kindOf(title);
    await makeUser(name);
    on(create, name, {
      kind: 'hook',
      after: () => {
        breakSome('PutSecretValue', name, 4);
      },
    });
    const entity = await run(name, declared(title, name, secretOf(name)));
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply', attempts: 1 });
    expect(callsOf(create, name)).toHaveLength(1);
    await expectOneLive(title, name, secretOf(name));
  });

  test('and whose replies are lost: the secret is stored anyway', async () => {
    const name = 'deaf';
    await makeUser(name);
    on('CreateSecret', name, { kind: 'reset-after', times: 1 });
    on('PutSecretValue', name, { kind: 'hook', times: 2, after: (call) => (call.committed ? 'drop' : undefined) });
    const entity = await run(name, declared('an access key', name, secretOf(name)));
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply', attempts: 1 });
    await expectOneLive('an access key', name, secretOf(name));
  });
});

describe('keys of other callers', () => {
  const [key = ''] = TITLES;
  /** Runs that wait after an unclear answer, before they look for an orphan: they wait at the same time. */
  const runs = new Map<string, Promise<EntityReport>>();
  const others = new Map<string, string>();

  beforeAll(async () => {
    const makeOther = async (name: string): Promise<void> => {
      others.set(name, (await kindOf(key).byHand?.(name)) ?? '');
    };
    const makeUse = async (name: string): Promise<void> => {
      const [accessKeyId = ''] = await kindOf(key).live(name);
      await iamClient(world.sandbox.url, undefined, { accessKeyId }).getUser({});
    };
    const start = async (name: string, when: 'before' | 'after', act: () => unknown): Promise<void> => {
      await makeUser(name);
      if (name === 'hidden') await makeOther(name);
      const hook = async (): Promise<'drop'> => {
        await act();
        return 'drop';
      };
      on('CreateAccessKey', name, { kind: 'hook', times: 1, [when]: hook });
      const running = run(name, declared(key, name, fileOf(name)));
      running.catch(() => undefined);
      runs.set(name, running);
    };
    await start('two-at-once', 'after', () => makeOther('two-at-once'));
    await start('used-before', 'before', () => makeOther('used-before').then(() => makeUse('used-before')));
    await start('used-after', 'after', () => makeUse('used-after'));
    await start('hidden', 'after', () => {
      on('ListAccessKeys', 'hidden', { kind: 'stale-not-found', times: 2 });
    });
    await Promise.allSettled(runs.values());
  });

  test('one that appears while the reply to ours is lost: refused, and neither key is deleted', async () => {
    const name = 'two-at-once';
    const entity = await runs.get(name);
    expect(entity).toMatchObject({ outcome: 'refused', confirmedBy: null });
    const live = await kindOf(key).live(name);
    expect(live).toHaveLength(2);
    expect(live).toContain(others.get(name));
    for (const id of live) expect(entity?.reason).toContain(id);
    expect(entity?.remedy).toContain('CloudTrail');
    expect(callsOf('DeleteAccessKey', name)).toEqual([]);
  });

  test.each([
    ['ours was never made', 'used-before'],
    ['ours may be it', 'used-after'],
  ])('one that is in use, when %s: refused, and not deleted', async (_what, name) => {
    const entity = await runs.get(name);
    const [live = ''] = await kindOf(key).live(name);
    expect(entity).toMatchObject({ outcome: 'refused', confirmedBy: null });
    expect(entity?.reason).toBe(`${live} appeared while this run was creating one, and is in use`);
    expect(callsOf('DeleteAccessKey', name)).toEqual([]);
  });

  test('one beside an orphan that a replica hides for a while: the orphan is removed, the other is kept', async () => {
    const name = 'hidden';
    expect(await runs.get(name)).toMatchObject({ outcome: 'created', confirmedBy: 'reply' });
    await expectOneLive(key, name, fileOf(name), [others.get(name) ?? '']);
  });

  test('two that use up the quota: the run fails, and both are kept', async () => {
    const name = 'no-room';
    await makeUser(name);
    const others = [await kindOf(key).byHand?.(name), await kindOf(key).byHand?.(name)];
    const entity = await run(name, declared(key, name, fileOf(name)));
    expect(entity).toMatchObject({ outcome: 'failed', confirmedBy: null });
    expect(entity.reason).toContain('LimitExceeded');
    expect((await kindOf(key).live(name)).sort()).toEqual(others.sort());
  });

  test('a console password that another caller sets while our location is out of reach is adopted, not called created', async () => {
    const name = 'set-by-hand';
    await makeUser(name);
    world.proxy.on(
      { action: 'GetSecretValue', params: { Name: `ci/${name}` } },
      {
        kind: 'hook',
        times: 3,
        before: async (call) => {
          const Password = 'By-hand-1-by-hand-1-by-hand-1-by-hand-1!';
          if (callsOf('GetSecretValue', name)[0] === call) await iam.createLoginProfile({ UserName: name, Password });
          return 'drop';
        },
      },
    );
    const entity = await run(name, declared('a password for the console', name, secretOf(name)));
    expect(entity).toMatchObject({ outcome: 'adopted', confirmedBy: null, writes: [], attempts: 2 });
    expect(callsOf('CreateLoginProfile', name)).toEqual([]);
    expect((await places.readRecord(secretOf(name)))?.['Password']).toBeUndefined();
  });

  test('a console password that another caller sets right before ours is adopted, and the location holds no secret', async () => {
    const name = 'set-before';
    await makeUser(name);
    on('CreateLoginProfile', name, {
      kind: 'hook',
      before: async () => {
        await iam.createLoginProfile({ UserName: name, Password: 'By-hand-1-by-hand-1-by-hand-1-by-hand-1!' });
      },
    });
    const entity = await run(name, declared('a password for the console', name, fileOf(name)));
    expect(entity).toMatchObject({ outcome: 'adopted', confirmedBy: null });
    expect(entity.conflicts).toMatchObject([{ code: 'EntityAlreadyExists', resolvedAs: 'adopted' }]);
    expect(Object.keys((await places.readRecord(fileOf(name))) ?? {})).toEqual(['Entity', 'Account', 'Intent']);
  });
});

describe('a private key', () => {
  const certificate = (name: string, privateKey: SecretLocation): JsonObject => ({
    kind: 'ServerCertificate',
    serverCertificateName: name,
    certificateBody: CERTIFICATE,
    privateKey,
  });

  test('is read from a file or from Secrets Manager, and its certificate is created', async () => {
    await writeFile(join(folder(), 'tls.pem'), PRIVATE_KEY, { mode: 0o600 });
    await createSandboxSecrets()('CreateSecret', { Name: 'tls', SecretString: PRIVATE_KEY });
    const entities = [certificate('from-file', { file: 'tls.pem' }), certificate('from-sm', { secretsManager: 'tls' })];
    const path = await world.manifest('tls.json', manifestOf({ namespace: 'tls', account: ACCOUNT, entities }));
    const { code } = await command(['apply', '-f', path]);
    expect(code).toBe(0);
    const sent = world.proxy.calls.filter(({ action }) => action === 'UploadServerCertificate');
    expect(sent.map(({ params }) => params['PrivateKey'] === PRIVATE_KEY)).toEqual([true, true]);
  });

  test('is read from a file for a SAML provider', async () => {
    const entity = {
      kind: 'SAMLProvider',
      name: 'idp',
      samlMetadataDocument: metadataOf('idp'),
      assertionEncryptionMode: 'Required',
      privateKey: { file: 'tls.pem' },
    };
    expect(await run('saml', entity)).toMatchObject({ outcome: 'created' });
  });

  test('is not taken from a file that holds something else: AWS is not called, and the report names the location only', async () => {
    await writeFile(join(folder(), 'other.conf'), 'token = hunter2-hunter2-hunter2\n', { mode: 0o600 });
    const entity = await run('tls-other', certificate('other', { file: 'other.conf' }));
    expect(entity).toMatchObject({ outcome: 'failed', writes: [] });
    expect(entity.reason).toContain('secret file other.conf does not hold one private key');
    expect(JSON.stringify(entity)).not.toContain('hunter2');
    const sent = world.proxy.calls.filter(({ params }) => params['ServerCertificateName'] === 'other');
    expect(sent.filter(({ action }) => action === 'UploadServerCertificate')).toEqual([]);
  });

  test('is missing from its location: the report says so, and nothing is created', async () => {
    const entity = await run('tls-none', certificate('no-key', { file: 'none.pem' }));
    expect(entity).toMatchObject({ outcome: 'failed', writes: [] });
    expect(entity.reason).toContain('secret file none.pem is empty; store the value for PrivateKey there');
  });

  test('and a password that AWS repeats in an error are left out of the report', async () => {
    const echo = (call: Call): string =>
      `the value ${call.params['PrivateKey'] ?? call.params['Password'] ?? ''} is bad`;
    const fault: Fault = { kind: 'error', status: 400, code: 'InvalidInput', message: echo };
    world.proxy.on({ action: 'UploadServerCertificate' }, fault);
    world.proxy.on({ action: 'CreateLoginProfile' }, fault);
    await makeUser('echo');
    const key = await run('tls-echo', certificate('echo', { file: 'tls.pem' }));
    const password = await run('echo', declared('a password for the console', 'echo', fileOf('echo')));
    for (const { outcome, reason } of [key, password]) {
      expect(outcome).toBe('failed');
      expect(reason).toContain('answered InvalidInput: the value (secret) is bad');
    }
  });
});

test('nothing secret is in any history, description, log, output, database, report, or in the sandbox’s journal', async () => {
  // An embedded run has a server, a database and logs of its own.
  const names = TITLES.map((_title, index) => `embedded-${String(index)}`);
  await Promise.all(names.map(makeUser));
  const entities = TITLES.map((title, index) => declared(title, names[index] ?? '', fileOf(names[index] ?? '')));
  const state = join(world.directory, 'state');
  const path = await world.manifest('embedded.json', manifestOf({ namespace: 'own', account: ACCOUNT, entities }));
  const embedded = {
    TEMPORAL_ADDRESS: '',
    IAM_BOOTSTRAP_UI_URL: '',
    IAM_BOOTSTRAP_STATE: state,
    IAM_BOOTSTRAP_LOG: 'trace',
  };
  expect((await command(['apply', '-f', path], embedded)).code).toBe(0);

  // The output is large enough that a search of it has to find something.
  const planned = await plan(temporal, await requestOf(world, { namespace: 'all', account: ACCOUNT, entities }));
  told.reports += JSON.stringify(planned);
  const files = async (where: string): Promise<string> => {
    const entries = await readdir(where, { recursive: true, withFileTypes: true });
    const plain = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return (await Promise.all(plain.map((file) => readFile(file, 'latin1')))).join('\n');
  };
  const database = (await readdir(world.directory)).filter((file) => file.startsWith('temporal.'));
  const read = (file: string): Promise<string> => readFile(join(world.directory, file), 'latin1');
  const haystacks: Readonly<Record<string, [text: string, sign: string]>> = {
    histories: [await historiesAsText(temporal.client), 'CreateLoginProfile'],
    descriptions: [await watch.end(), 'CreateAccessKey'],
    'worker logs': [told.logs + worker.log(), 'createEntity'],
    'output of commands': [told.commands, 'CreateVirtualMFADevice'],
    reports: [told.reports, 'CreateAccessKey'],
    'the server’s database and log': [(await Promise.all(database.map(read))).join('\n'), 'CreateAccessKey'],
    'state of an embedded server': [await files(state), 'embedded-0'],
    'the sandbox’s journal': [JSON.stringify(await world.sandbox.journal()), 'CreateAccessKey'],
  };

  const secrets = [...world.proxy.secrets, PRIVATE_KEY];
  const seeds = secrets.map((secret) => Buffer.from(secret, 'base64').toString('latin1'));
  const needles = [...secrets, ...seeds.filter((seed) => /^[A-Z2-7]{32,}$/.test(seed))].flatMap(writingsOf);
  expect(secrets.length).toBeGreaterThan(60);
  // The search works: it finds the secrets that are still stored in files.
  const kept = await files(folder());
  expect(needles.filter((needle) => kept.includes(needle)).length).toBeGreaterThan(20);
  const leaks = Object.entries(haystacks).flatMap(([where, [text]]) =>
    needles.filter((needle) => text.includes(needle)).map(() => where),
  );
  expect(leaks).toEqual([]);
  const silent = Object.entries(haystacks).filter(([, [text, sign]]) => !text.includes(sign));
  expect(silent.map(([where]) => where)).toEqual([]);
});

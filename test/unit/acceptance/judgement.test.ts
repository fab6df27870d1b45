import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import type { AwsClients } from '../../../src/aws/clients.js';
import { Reader } from '../../../src/aws/reader.js';
import { findKind } from '../../../src/kinds/index.js';
import { isCaller, isOfAws } from '../../acceptance/account.js';
import { keptUntilExpiry } from '../../acceptance/credentials.js';
import { isolateEnvironment } from '../../acceptance/environment.js';
import type { Gateway } from '../../acceptance/gateway.js';
import { Ledger } from '../../acceptance/ledger.js';
import { deleteLeftovers } from '../../acceptance/leftovers.js';
import { personOf } from '../../acceptance/clients.js';
import { saysNothing, testAssumption } from '../../acceptance/probe.js';
import { measurePropagation } from '../../acceptance/propagation.js';
import { redactor } from '../../acceptance/redaction.js';

const TARGET = { account: '111111111111', partition: 'aws' };

const failure = (status: number | undefined, code: string, message = '') =>
  Object.assign(new Error(message), { Code: code, $metadata: { httpStatusCode: status } });

describe('an assumption', () => {
  const assumption = {
    ...{ id: 'X01', statement: 'a role exists', source: '-', setup: [] },
    request: { operation: 'CreateRole', input: { RoleName: '<p>role' } },
    expected: { status: 409, code: 'EntityAlreadyExists' },
  } as const;
  /** Plays the assumption where AWS answers with these errors, one after the other. */
  const verdictOf = async (propagationMs: number, ...errors: readonly Error[]) => {
    let sent = 0;
    const write = () => Promise.reject(errors[Math.min(sent++, errors.length - 1)] ?? new Error('no error'));
    const place = { clients: { write }, target: TARGET, start: 'iamb-', settleMs: 0, propagationMs };
    return (await testAssumption(place, assumption)).verdict;
  };

  test.each([
    ['no answer came', failure(undefined, 'ECONNRESET')],
    ['the caller may not call', failure(403, 'AccessDenied')],
    ['AWS fails', failure(503, 'ServiceUnavailable')],
  ])('is not observable where %s', async (_title, error) => {
    expect(await verdictOf(0, error)).toBe('not observable');
  });

  test('differs where AWS answers in another way, and holds where it does so later', async () => {
    const [other, expected] = [failure(404, 'NoSuchEntity'), failure(409, 'EntityAlreadyExists')];
    expect(await verdictOf(0, other, expected)).toBe('differs');
    expect(await verdictOf(5_000, other, expected)).toBe('held');
  });

  /** Plays the assumption after a setup. AWS refuses the second Create only once it knows the first everywhere. */
  const played = async (windowMs: number, knownAfterMs: number) => {
    const made = new Map<string, number>();
    const write = (_operation: string, { RoleName }: { readonly RoleName: string }) => {
      const madeAt = made.get(RoleName) ?? Infinity;
      if (Date.now() - madeAt >= knownAfterMs) return Promise.reject(failure(409, 'EntityAlreadyExists'));
      made.set(RoleName, Math.min(madeAt, Date.now()));
      return Promise.resolve({ output: {} });
    };
    const clients = { write } as unknown as AwsClients;
    const place = { clients, target: TARGET, start: 'iamb-', settleMs: 0, propagationMs: windowMs };
    const { verdict } = await testAssumption(place, { ...assumption, setup: [assumption.request] });
    return { verdict, names: [...made.keys()] };
  };

  test('is played again, with fresh names and a longer wait, where a write succeeds that should not', async () => {
    expect(await played(200, 100)).toEqual({ verdict: 'held', names: ['iamb-role', 'iamb-again-role'] });
    expect(await played(50, 60_000)).toEqual({ verdict: 'differs', names: ['iamb-role', 'iamb-again-role'] });
    expect(await played(0, 60_000)).toEqual({ verdict: 'differs', names: ['iamb-role'] });
  });
});

test.each([
  ['the caller may not call', 'not observable', failure(403, 'AccessDenied', 'no')],
  ['AWS is busy', 'not observable', failure(400, 'Throttling', 'Rate exceeded')],
  ['no answer comes', 'not observable', failure(undefined, 'ECONNRESET', 'reset')],
  ['AWS refuses the role', 'failed', failure(400, 'InvalidInput', 'no')],
])('the time until a new role shows, where %s, is: %s', async (_title, outcome, error) => {
  const iam = { createRole: () => Promise.reject(error) } as unknown as IAM;
  const measured = await measurePropagation(iam, 'iamb-');
  expect(new Set(measured.map((one) => one.outcome))).toEqual(new Set([outcome]));
});

test.each([
  ['aws', 'us-east-1'],
  ['aws-us-gov', 'us-gov-west-1'],
])('a person signs for the region of partition %s', async (partition, region) => {
  const gateway = { url: 'http://127.0.0.1:1', credentials: { accessKeyId: 'AKIA1', secretAccessKey: 's' } } as Gateway;
  const person = personOf({ gateway, target: { ...TARGET, partition } }, 1);
  expect(await person.config.region()).toBe(region);
  person.destroy();
});

test.each([
  [403, 'AccessDenied', 'no', true],
  [400, 'Throttling', 'Rate exceeded', true],
  [null, 'ECONNRESET', 'reset', true],
  [null, 'TimeoutError', 'late', true],
  [null, 'Violation', 'it drifts', false],
  [404, 'NoSuchEntity', 'missing', false],
  [403, 'AccessDenied', 'the acceptance run does not send this: DeleteRole', false],
])('of a law, %s %s (%s) says nothing: %s', (httpStatus, code, message, expected) => {
  expect(saysNothing({ httpStatus, code, message, operation: null, requestId: null, unclear: false })).toBe(expected);
});

describe('what an account holds', () => {
  const entity = (kindName: string, name: string, path?: string) => {
    const kind = findKind(kindName);
    if (kind === undefined) throw new Error(kindName);
    const arn = `arn:aws:iam::111111111111:role${path ?? '/'}${name}`;
    return { kind, listed: { name, spec: path === undefined ? {} : { path }, arn } };
  };

  test.each([
    ['Role', 'AWSReservedSSO_Admin_0123456789abcdef', '/aws-reserved/sso.amazonaws.com/', true],
    ['Role', 'AWSReservedSSO_Admin_0123456789abcdef', '/aws-reserved/sso.amazonaws.com/eu-west-1/', true],
    ['Role', 'AWSReservedSSO_made_by_a_person', '/', false],
    ['Role', 'lambda', '/service-role/', false],
    ['Role', 'OrganizationAccountAccessRole', '/', true],
    ['Role', 'AWSServiceRoleForSupport', '/aws-service-role/support.amazonaws.com/', true],
    ['ServiceLinkedRole', 'support.amazonaws.com', undefined, true],
    ['SAMLProvider', 'AWSSSO_0123456789abcdef_DO_NOT_DELETE', undefined, true],
    ['SAMLProvider', 'Okta', undefined, false],
    ['User', 'OrganizationAccountAccessRole', '/', false],
  ])('%s %s on path %s is of AWS: %s', (kind, name, path, expected) => {
    expect(isOfAws(entity(kind, name, path))).toBe(expected);
  });

  test('only the calling role or user is the caller', () => {
    const role = 'arn:aws:sts::111111111111:assumed-role/Admin/jane';
    expect(isCaller(entity('Role', 'Admin'), role)).toBe(true);
    expect(isCaller(entity('User', 'jane'), role)).toBe(false);
    expect(isCaller(entity('User', 'jane', '/team/'), 'arn:aws:iam::111111111111:user/team/jane')).toBe(true);
    expect(isCaller(entity('User', 'team'), 'arn:aws:iam::111111111111:user/team/jane')).toBe(false);
  });

  test('what cannot be listed may be left, and counts', async () => {
    const reader = new Reader(
      () => Promise.reject(failure(403, 'AccessDenied')),
      () => Promise.resolve(undefined),
    );
    const left = await deleteLeftovers({
      ...{ clients: { reader } as unknown as AwsClients, target: TARGET, scope: { start: 'iamb-' } },
      again: false,
    });
    expect(left).toContain('Role: could not be listed');
    expect(left).toContain('AccountPasswordPolicy: could not be listed');
  });
});

describe('what was created and does not show', () => {
  const START = 'iamb-rabcdefghi-';
  const USER = { UserName: `${START}user` };
  let folder: string;
  let time: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'acceptance-leftovers-'));
    time = 1_000_000;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const made = () => {
    const path = join(folder, `acceptance-ledger-${START.slice(0, -1)}.jsonl`);
    const ledger = new Ledger(path, TARGET.account, START, null, { windowMs: 120_000, now: () => time });
    ledger.before('CreateUser', USER);
    ledger.after('CreateUser', USER, 200);
    return ledger;
  };
  test('may be left once the window has ended', async () => {
    const ledger = made();
    const send = (operation: string) =>
      Promise.reject(operation === 'GetUser' ? failure(404, 'NoSuchEntity') : failure(501, 'NotImplemented'));
    const reader = new Reader(send, () => Promise.resolve(undefined));
    const left = await deleteLeftovers({
      ...{ clients: { reader } as unknown as AwsClients, target: TARGET, scope: { start: START }, ledger },
      ...{ again: false, windowMs: 120_000 },
      clock: { now: () => time, sleep: (ms) => Promise.resolve((time += ms)) },
    });
    expect(left).toEqual([`User/${USER.UserName}: may be left, though no read shows it`]);
    expect(time).toBe(1_120_000);
  });

  test('is not taken for deleted by a 404 in the window', () => {
    for (const [afterMs, outstanding] of [
      [119_000, 1],
      [121_000, 0],
    ] as const) {
      const ledger = made();
      time += afterMs;
      ledger.before('DeleteUser', USER);
      ledger.after('DeleteUser', USER, 404);
      expect(ledger.outstanding().filter(({ isDeleting }) => !isDeleting)).toHaveLength(outstanding);
      expect(Ledger.read(folder, TARGET.account, START)?.outstanding()).toHaveLength(outstanding);
      ledger.remove();
    }
  });

  test('of a ledger that is not found, the reason is given', () => {
    const ledger = made();
    expect(Ledger.read(folder, '222222222222', START)).toBeUndefined();
    expect(Ledger.whyMissing(folder, START, [])).toContain('another account');
    expect(Ledger.whyMissing('elsewhere', START, [folder])).toContain(`--output ${folder}`);
    ledger.remove();
    expect(Ledger.whyMissing(folder, START, [folder])).toContain('is missing');
  });
});

describe('redaction', () => {
  const caller = 'arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_00ff/jane@example.org';
  const redact = redactor({ account: '123456789012', run: 'iamb-rabcdefghi-', caller });

  test.each([
    [`User: ${caller} is not authorized`, 'User: <caller> is not authorized'],
    [`${caller} and AWSReservedSSO_Admin_00ff`, '<caller> and <caller>'],
    ['created by jane@example.org', 'created by <caller>'],
    ['mail bob@example.org', 'mail <email>'],
    ['role/iamb-rabcdefghi-x of 123456789012', 'role/<p>x of <account>'],
    ['AROAEXAMPLEEXAMPLE123:jane', 'AROA<id>'],
    ['arn:aws:sts::999999999999:assumed-role/Other/bob', '<caller>'],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });
});

test('what a run starts has no settings of AWS, and all of them are back afterwards', async () => {
  const environment: NodeJS.ProcessEnv = { AWS_PROFILE: 'tests', AWS_ACCESS_KEY_ID: 'AKIAREAL', PATH: '/bin' };
  const own = await isolateEnvironment(environment);
  expect(JSON.stringify(environment)).not.toMatch(/tests|AKIAREAL/);
  own.pointTo({ url: 'http://127.0.0.1:1', credentials: { accessKeyId: 'AKIARUN', secretAccessKey: 'own' } });
  expect(environment).toMatchObject({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ACCESS_KEY_ID: 'AKIARUN' });
  expect(environment['AWS_CONFIG_FILE']).toContain(own.temporary);
  await own.restore();
  expect(environment).toEqual({ AWS_PROFILE: 'tests', AWS_ACCESS_KEY_ID: 'AKIAREAL', PATH: '/bin' });
});

test('credentials are fetched once, and again before they expire', async () => {
  let fetched = 0;
  const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();
  const credentials = keptUntilExpiry(() => {
    fetched += 1;
    const expiration = inMinutes(fetched === 1 ? 4 : 60);
    return Promise.resolve({ accessKeyId: `AKIA${String(fetched)}`, secretAccessKey: 'secret', expiration });
  });
  await Promise.all([credentials(), credentials()]);
  expect(fetched).toBe(1);
  expect((await credentials()).accessKeyId).toBe('AKIA2');
  expect((await credentials()).accessKeyId).toBe('AKIA2');
});

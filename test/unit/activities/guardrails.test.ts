import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Enforcement } from '../../../src/activities/runtime/enforcement.js';
import { GuardrailsFile, type GuardrailsChange } from '../../../src/activities/runtime/guardrails-file.js';
import type { DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import { GROUP, reconcileRequest, ROLE, runAttempt } from '../../support/activity.js';
import { desired } from '../../support/desired.js';
import { FakeAccount, OWNED_TAGS, TARGET } from '../../support/fake-account.js';
import { guardrailsOf } from '../../support/guardrails.js';
import { requestOf } from '../../support/planned.js';

const ANYONE = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
};
const EVERYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*:*', Resource: '*' }] };

function role(more: JsonObject): DesiredEntity {
  return desired('Role', 'deploy', { ...ROLE.spec, ...more });
}

function addRole(account: FakeAccount, Path = '/', trust = ROLE.spec['assumeRolePolicyDocument']): void {
  const input = { Path, AssumeRolePolicyDocument: JSON.stringify(trust) };
  account.add('Role/deploy', { tags: OWNED_TAGS, input });
}

/** Returns the enforcement of these guardrails, and counts what it refuses. */
function enforcing(text: string): { readonly enforcement: Enforcement; readonly refused: string[] } {
  const guardrails = guardrailsOf(text);
  const refused: string[] = [];
  return {
    refused,
    enforcement: new Enforcement({ source: { current: () => guardrails }, onRefusal: (at) => refused.push(at) }),
  };
}

describe('a plan', () => {
  test('refuses entities with the rule and its position, and counts them', async () => {
    const { enforcement, refused } = enforcing('trust: { denyAnyone: true }\ngrants: { denyWildcardAction: true }');
    const entity = role({ assumeRolePolicyDocument: ANYONE, inlinePolicies: { all: EVERYTHING } });
    const request = requestOf([{ kind: 'Role', spec: entity.spec }]);
    const { result } = await runAttempt(new FakeAccount(), 'planEntities', request, { enforcement });
    expect(result?.entities[0]?.decision).toMatchObject({
      action: 'refuse',
      reason:
        'assumeRolePolicyDocument of Role/deploy trusts everyone (AWS principal *) (guardrails: trust.denyAnyone at guardrails.yaml:3:22); inlinePolicies.all of Role/deploy allows *:*, which includes actions of every service (guardrails: grants.denyWildcardAction at guardrails.yaml:4:31)',
    });
    expect(result?.guardrails).toBe(enforcement.guardrails?.digest);
    expect(refused).toEqual(['plan']);
  });

  test('judges what could not be read by what is declared alone: an unknown path refuses nothing', async () => {
    const decide = async (text: string, spec: JsonObject) => {
      const account = new FakeAccount();
      account.refuse = (operation, { RoleName }) => operation === 'GetRole' && RoleName === 'deploy';
      const { enforcement } = enforcing(text);
      const request = requestOf([
        { kind: 'Role', spec: { ...ROLE.spec, ...spec } },
        { kind: 'Group', spec: GROUP.spec },
      ]);
      return (await runAttempt(account, 'planEntities', request, { enforcement })).result?.entities[0]?.decision;
    };
    const paths = 'entities: { paths: [/ci/] }';
    expect(await decide(paths, {})).toMatchObject({
      reason: expect.stringMatching(/^GetRole/) as string,
      unread: { operation: 'GetRole' },
    });
    const refused = await decide(paths, { path: '/ops/' });
    expect(refused?.reason).toMatch(
      /has the path \/ops\/, which is not allowed.*; besides, GetRole answered AccessDenied/,
    );
    expect(refused?.unread).toBeUndefined();
  });

  test('refuses an entity that exists as it is declared', async () => {
    const account = new FakeAccount();
    const spec = { ...ROLE.spec, assumeRolePolicyDocument: ANYONE };
    addRole(account, '/', ANYONE);
    const plan = { enforcement: enforcing('trust: { denyAnyone: true }').enforcement };
    const request = requestOf([{ kind: 'Role', spec }]);
    const allowed = await runAttempt(account, 'planEntities', request);
    expect(allowed.result?.entities[0]?.decision.action).toBe('no-op');
    const { result } = await runAttempt(account, 'planEntities', request, plan);
    expect(result?.entities[0]?.decision.action).toBe('refuse');
  });

  test.each([
    ['an account', { target: { account: '222222222222', partition: 'aws' } }, 'account 222222222222 is not allowed'],
    [
      'a role',
      { target: { ...TARGET, assumeRole: 'arn:aws:iam::111111111111:role/x' } },
      'role arn:aws:iam::111111111111:role/x is not allowed',
    ],
    ['a namespace', { namespace: 'other' }, 'namespace other is not allowed'],
  ])('of %s that is not allowed makes no call', async (_what, more, message) => {
    const { enforcement, refused } = enforcing('namespaces: [ci]');
    const account = new FakeAccount();
    const request = { ...requestOf([{ kind: 'Role', spec: ROLE.spec }]), ...more };
    const { failure } = await runAttempt(account, 'planEntities', request, { enforcement });
    expect(failure).toMatchObject({
      type: 'NotAllowed',
      nonRetryable: true,
      message: expect.stringContaining(message) as string,
    });
    expect(failure?.details?.[0]?.calls).toEqual({});
    expect(refused).toEqual(['plan']);
  });
});

describe('a write', () => {
  test.each<[string, Parameters<typeof runAttempt>[1], JsonObject, string]>([
    ['create', 'createEntity', { assumeRolePolicyDocument: ANYONE }, 'trust.denyAnyone'],
    ['create with a grant', 'createEntity', { inlinePolicies: { all: EVERYTHING } }, 'grants.denyWildcardAction'],
    ['update', 'updateEntity', { inlinePolicies: { all: EVERYTHING } }, 'grants.denyWildcardAction'],
    ['deletion', 'deleteEntity', {}, 'destroy'],
  ])('by %s is refused, whatever the plan says', async (_what, activity, spec, rule) => {
    const { enforcement, refused } = enforcing(
      'trust: { denyAnyone: true }\ngrants: { denyWildcardAction: true }\ndestroy: deny',
    );
    const account = new FakeAccount();
    if (activity !== 'createEntity') addRole(account);
    const entity =
      activity === 'deleteEntity' ? desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' }) : role(spec);
    const action = activity === 'deleteEntity' ? 'delete' : activity === 'updateEntity' ? 'update' : 'create';
    const request = reconcileRequest(entity, { action, environment: 'prod' });
    const { failure } = await runAttempt(account, activity, request, { enforcement });
    expect(failure).toMatchObject({
      type: 'NotAllowed',
      nonRetryable: true,
      message: expect.stringContaining(rule) as string,
    });
    expect(account.writes).toEqual([]);
    expect(refused).toEqual(['write']);
    const without = await runAttempt(account, activity, request);
    expect(without.failure).toBeUndefined();
    expect(account.writes).not.toEqual([]);
  });

  test('stops where the guardrails change between two writes', async () => {
    const account = new FakeAccount();
    let text = 'destroy: deny';
    const enforcement = new Enforcement({ source: { current: () => guardrailsOf(text) } });
    account.beforeWrite = (operation) => {
      if (operation === 'CreateRole') text = 'grants: { denyActions: ["s3:*"] }';
    };
    const inlinePolicies = {
      s3: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] },
    };
    const entity = role({ inlinePolicies });
    const created = await runAttempt(account, 'createEntity', reconcileRequest(entity), { enforcement });
    expect(created.result?.remaining).toBe(true);
    const update = reconcileRequest(entity, { action: 'create', made: true, fresh: false });
    const { failure } = await runAttempt(account, 'updateEntity', update, { enforcement });
    expect(failure?.type).toBe('NotAllowed');
    expect(account.writes).toEqual(['CreateRole']);
  });

  test('of an entity that exists under another path is refused, and under an allowed one it is not', async () => {
    const account = new FakeAccount();
    addRole(account, '/ops/');
    const { enforcement } = enforcing('entities: { paths: [/ci/] }');
    const request = reconcileRequest(role({ description: 'new' }), { action: 'update' });
    const { failure } = await runAttempt(account, 'updateEntity', request, { enforcement });
    expect(failure?.message).toContain('entities.paths');
    expect(account.writes).toEqual([]);
    addRole(account, '/ci/');
    const { result } = await runAttempt(account, 'updateEntity', request, { enforcement });
    expect(result?.decision.action).toBe('update');
  });
});

describe('the file', () => {
  let folder: string;
  let path: string;
  let changes: GuardrailsChange[];
  const valid = 'version: 1\naccounts: { "111111111111": {} }\n';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'guardrails-'));
    path = join(folder, 'guardrails.yaml');
    changes = [];
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function open(): GuardrailsFile {
    return new GuardrailsFile(path, (change) => changes.push(change));
  }

  test('is read again when it changes, also where another file takes its place', () => {
    writeFileSync(path, valid);
    const file = open();
    const first = file.current().digest;
    expect(file.current().digest).toBe(first);
    writeFileSync(`${path}.new`, `${valid}destroy: deny\n`);
    renameSync(`${path}.new`, path);
    expect(file.current().rules.destroy).toBe('deny');
    expect(changes.map(({ previous }) => previous)).toEqual([null, first]);
  });

  test('allows nothing once it is broken or gone, and counts again when it is repaired', () => {
    writeFileSync(path, valid);
    const file = open();
    file.current();
    writeFileSync(path, `${valid}destory: deny\n`);
    expect(() => file.current()).toThrow(
      'the guardrails are invalid: guardrails.yaml:3:1: guardrails has no field "destory"',
    );
    expect(() => file.current()).toThrow('invalid');
    rmSync(path);
    expect(() => file.current()).toThrow('the guardrails guardrails.yaml cannot be read: ENOENT');
    writeFileSync(path, valid);
    expect(file.current().rules.version).toBe(1);
    expect(changes.map(({ digest }) => digest === null)).toEqual([false, true, true, false]);
  });

  test('is looked at while nothing is planned or written, and each change is reported once', () => {
    jest.useFakeTimers();
    try {
      writeFileSync(path, valid);
      const file = open();
      file.current();
      file.follow();
      writeFileSync(path, 'version: 9\n');
      jest.advanceTimersByTime(60_000);
      expect(changes.map(({ error }) => error === null)).toEqual([true, false]);
      writeFileSync(path, `${valid}destroy: deny\n`);
      jest.advanceTimersByTime(60_000);
      expect(changes.map(({ error }) => error === null)).toEqual([true, false, true]);
    } finally {
      jest.useRealTimers();
    }
  });

  test('that is broken refuses every write, until the attempt after its repair', async () => {
    writeFileSync(path, 'version: 2\n');
    const enforcement = new Enforcement({ source: open() });
    const account = new FakeAccount();
    const { failure } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), { enforcement });
    expect(failure).toMatchObject({ type: 'GuardrailsInvalid', nonRetryable: false });
    expect(account.writes).toEqual([]);
    writeFileSync(path, valid);
    const { result } = await runAttempt(account, 'createEntity', reconcileRequest(ROLE), { enforcement });
    expect(result?.confirmedBy).toBe('reply');
  });
});

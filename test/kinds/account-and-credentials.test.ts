import { awsError, failureTypeOf } from '../../src/aws/errors.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { accessKey } from '../../src/kinds/access-key.js';
import { accountAlias } from '../../src/kinds/account-alias.js';
import { accountPasswordPolicy } from '../../src/kinds/account-password-policy.js';
import { accountProperties } from '../../src/kinds/account-properties.js';
import { loginProfile } from '../../src/kinds/login-profile.js';
import { outboundWebIdentityFederation } from '../../src/kinds/outbound-web-identity-federation.js';
import { securityTokenServicePreferences } from '../../src/kinds/security-token-service-preferences.js';
import { serviceLinkedRole } from '../../src/kinds/service-linked-role.js';
import { serviceSpecificCredential } from '../../src/kinds/service-specific-credential.js';
import { ACCOUNT, write } from '../support/kind-fixtures/fixture.js';
import { compareSpec, desiredOf, harness, TARGET, useHarness } from './kind-harness.js';

/** What the kinds of an account, and those of a user's credentials, promise beside the laws. */

useHarness();

const USER = write('CreateUser', { UserName: 'ann' });

describe('an access key', () => {
  const spec = { userName: 'ann', secret: { file: 'ann-key' } };
  const theirs = write('CreateAccessKey', { UserName: 'ann' });

  async function keys(): Promise<string[]> {
    const listed = await harness.reader.list('ListAccessKeys', { UserName: 'ann' }, 'AccessKeyMetadata');
    return listed.map(({ AccessKeyId = '' }) => AccessKeyId);
  }

  beforeEach(async () => {
    await harness.sendDirectly([USER]);
  });

  test('is the one that is stored; another one is neither taken for it nor deleted with it', async () => {
    await harness.sendDirectly([theirs]);
    const [other = ''] = await keys();
    expect(await harness.read(accessKey, spec)).toBeUndefined();
    const observed = await harness.converge(accessKey, spec);
    expect(observed.facts).not.toMatchObject({ AccessKeyId: other });
    await harness.send(accessKey, await harness.deletionWrites(accessKey, observed));
    expect(await keys()).toEqual([other]);
  });

  test('that is stored and was deleted by hand is gone, whatever other key is there', async () => {
    await harness.converge(accessKey, spec);
    const { AccessKeyId = '' } = (await harness.storedRecord(accessKey, spec)) ?? {};
    await harness.sendDirectly([theirs, write('DeleteAccessKey', { UserName: 'ann', AccessKeyId })]);
    expect(await harness.read(accessKey, spec)).toBeUndefined();
  });

  test('that a lost reply left over is told from the one that is stored, and goes alone', async () => {
    await harness.sendDirectly([theirs]);
    const [orphan = ''] = await keys();
    const observed = await harness.converge(accessKey, spec);
    const desired = desiredOf(accessKey, spec);
    const { listCandidates: candidates, candidateIdOf: idOf, deleteCandidate: removal } = accessKey.secret ?? {};
    const held = idOf?.((await harness.storedRecord(accessKey, spec)) ?? {});
    const found = (await candidates?.(harness.reader, desired)) ?? [];
    expect(found.map(({ id }) => id).filter((id) => id !== held)).toEqual([orphan]);
    expect(found.map(({ createdAt }) => createdAt)).toEqual(
      found.map(() => expect.stringMatching(/^\d{4}-/) as string),
    );
    await harness.send(accessKey, removal?.(orphan, desired) ?? []);
    expect(await harness.observe(accessKey, spec)).toEqual(observed);
  });

  test('that has been used is not an orphan, and neither is a deleted one', async () => {
    const { isCandidateUsed: isUsed } = accessKey.secret ?? {};
    const used = { LastUsedDate: new Date(), ServiceName: 'sts', Region: 'us-east-1' };
    const reader = harness.readerReplying('GetAccessKeyLastUsed', { AccessKeyLastUsed: used });
    expect(await isUsed?.(reader, 'AKIAXXXXXXXXXXXXXXXX')).toBe(true);
    expect(await isUsed?.(harness.reader, 'AKIAXXXXXXXXXXXXXXXX')).toBe(false);
  });

  test('is absent where its user is, and no candidate is there', async () => {
    await harness.storeSecret('ann-key', JSON.stringify({ AccessKeyId: 'AKIAXXXXXXXXXXXXXXXX' }));
    const nobody = { ...spec, userName: 'ben' };
    expect(await harness.read(accessKey, nobody)).toBeUndefined();
    expect(await accessKey.secret?.listCandidates?.(harness.reader, desiredOf(accessKey, nobody))).toEqual([]);
  });

  test('has its secret in the record and nowhere else', async () => {
    const created = await harness.create(accessKey, spec);
    const { SecretAccessKey = '', ...rest } = (await harness.storedRecord(accessKey, spec)) ?? {};
    expect(SecretAccessKey).toMatch(/^\S{40}$/);
    expect(rest).toEqual({ UserName: 'ann', AccessKeyId: expect.stringMatching(/^AKIA/) as string });
    expect(JSON.stringify([created, await harness.observe(accessKey, spec)])).not.toContain(SecretAccessKey);
  });

  test('beyond the quota is an exceeded quota, and no key that exists already', async () => {
    await harness.sendDirectly([theirs, theirs]);
    const create = accessKey.create(desiredOf(accessKey, spec));
    const refused = await harness.errorFrom(create);
    expect([refused.code, accessKey.isAlreadyExistsError(refused), create.unguarded]).toEqual([
      'LimitExceeded',
      false,
      true,
    ]);
  });
});

describe('a service-specific credential', () => {
  const spec = (serviceName: string): JsonObject => ({ userName: 'ann', serviceName, secret: { file: serviceName } });

  beforeEach(async () => {
    await harness.sendDirectly([USER]);
  });

  test.each([
    ['codecommit.amazonaws.com', ['ServiceUserName', 'ServicePassword']],
    ['bedrock.amazonaws.com', ['ServiceCredentialAlias', 'ServiceCredentialSecret']],
  ])('for %s is stored as AWS reveals it', async (service, fields) => {
    await harness.create(serviceSpecificCredential, spec(service));
    const record = (await harness.storedRecord(serviceSpecificCredential, spec(service))) ?? {};
    const named = ['UserName', 'ServiceName', 'ServiceSpecificCredentialId', ...fields];
    expect(Object.keys(record).sort()).toEqual(named.sort());
    expect(Object.values(record)).not.toContain('');
    const [, secret = ''] = fields;
    const observed = await harness.observe(serviceSpecificCredential, spec(service));
    expect(JSON.stringify(observed)).not.toContain(record[secret]);
  });

  test('is counted among those of its service, and deleted alone', async () => {
    const [mine, other] = [spec('codecommit.amazonaws.com'), spec('cassandra.amazonaws.com')];
    await harness.converge(serviceSpecificCredential, other);
    await harness.sendDirectly([
      write('CreateServiceSpecificCredential', { UserName: 'ann', ServiceName: mine['serviceName'] }),
    ]);
    const observed = await harness.converge(serviceSpecificCredential, mine);
    const count = async (): Promise<number | undefined> => {
      const desired = desiredOf(serviceSpecificCredential, mine);
      return (await serviceSpecificCredential.secret?.listCandidates?.(harness.reader, desired))?.length;
    };
    expect(await count()).toBe(2);
    await harness.send(serviceSpecificCredential, await harness.deletionWrites(serviceSpecificCredential, observed));
    expect(await count()).toBe(1);
    expect(await harness.read(serviceSpecificCredential, other)).toBeDefined();
  });

  test('that does not expire differs from one that is to expire, and cannot become it', async () => {
    const service = spec('bedrock.amazonaws.com');
    const observed = await harness.converge(serviceSpecificCredential, service);
    expect(compareSpec(serviceSpecificCredential, { ...service, credentialAgeDays: 7 }, observed).drift).toEqual([
      { path: 'credentialAgeDays', observed: null, desired: 7, immutable: true },
    ]);
  });
});

describe('a login profile', () => {
  const spec = { userName: 'ann', secret: { file: 'ann-password' } };

  beforeEach(async () => {
    await harness.sendDirectly([USER]);
  });

  test('gets a password that a strict policy takes', async () => {
    const strict = {
      minimumPasswordLength: 40,
      requireSymbols: true,
      requireNumbers: true,
      requireUppercaseCharacters: true,
      requireLowercaseCharacters: true,
    };
    await harness.converge(accountPasswordPolicy, strict);
    await harness.converge(loginProfile, spec);
    const { UserName, Password = '' } = (await harness.storedRecord(loginProfile, spec)) ?? {};
    expect([UserName, Password.length]).toEqual(['ann', 40]);
  });

  test('gets another password each time, with every class of characters in any place', () => {
    const desired = desiredOf(loginProfile, spec);
    const passwords = Array.from(
      { length: 200 },
      () => loginProfile.secret?.generateRecord?.(desired)['Password'] ?? '',
    );
    expect(new Set(passwords).size).toBe(200);
    for (const one of [/^[\w!@#$%^&*()+=[\]{}|-]{40}$/, /[A-Z]/, /[a-z]/, /\d/, /[^A-Za-z\d]/]) {
      expect(passwords.filter((password) => !one.test(password))).toEqual([]);
    }
    const first = new Set(passwords.map((password) => password.charAt(0)));
    expect([...first].some((character) => /[^A-Z]/.test(character))).toBe(true);
  });

  test('names the place of its password, and not the password', async () => {
    const create = loginProfile.create(desiredOf(loginProfile, { ...spec, passwordResetRequired: true }));
    expect(create.input).toEqual({ UserName: 'ann', PasswordResetRequired: true });
    expect(create.secretInput).toEqual({ Password: { location: spec.secret, field: 'Password' } });
    await harness.create(loginProfile, { ...spec, passwordResetRequired: true });
    expect((await harness.reader.get('GetLoginProfile', { UserName: 'ann' })).LoginProfile?.PasswordResetRequired).toBe(
      true,
    );
  });

  test('that is there already keeps its password, and a new one is required once, not after each sign-in', async () => {
    await harness.sendDirectly([write('CreateLoginProfile', { UserName: 'ann', Password: 'Not-a-secret-7!' })]);
    expect(await harness.update(loginProfile, spec, await harness.observe(loginProfile, spec))).toEqual([]);
    const required = { ...spec, passwordResetRequired: true };
    const update = async (declared: JsonObject): Promise<string[]> =>
      harness.update(loginProfile, declared, await harness.observe(loginProfile, declared));
    const isRequired = async (): Promise<boolean | undefined> =>
      (await harness.reader.get('GetLoginProfile', { UserName: 'ann' })).LoginProfile?.PasswordResetRequired;
    expect([await update(required), await isRequired()]).toEqual([['UpdateLoginProfile'], true]);
    // The user signs in.
    await harness.sendDirectly([write('UpdateLoginProfile', { UserName: 'ann', PasswordResetRequired: false })]);
    expect(await update(required)).toEqual([]);
    expect(await update({ ...spec, passwordResetRequired: false })).toEqual(['UpdateLoginProfile']);
    expect([await update(required), await isRequired()]).toEqual([['UpdateLoginProfile'], true]);
  });
});

describe('a service-linked role', () => {
  const AUTOSCALING = 'autoscaling.amazonaws.com';

  test.each<[string, { readonly awsServiceName: string; readonly customSuffix?: string }, string]>([
    ['without a suffix', { awsServiceName: AUTOSCALING }, 'AWSServiceRoleForAutoScaling'],
    [
      'of a part of a service, whose own name has an underscore',
      { awsServiceName: 'ecs.application-autoscaling.amazonaws.com' },
      'AWSServiceRoleForApplicationAutoScaling_ECSService',
    ],
    [
      'with a suffix that has underscores',
      { awsServiceName: AUTOSCALING, customSuffix: 'blue_green' },
      'AWSServiceRoleForAutoScaling_blue_green',
    ],
  ])('%s is known by what the manifest calls it', async (_what, spec, roleName) => {
    const created = await harness.create(serviceLinkedRole, spec);
    const observed = await harness.observe(serviceLinkedRole, spec);
    expect([created.name, observed.name]).toEqual([serviceLinkedRole.nameOf(spec), serviceLinkedRole.nameOf(spec)]);
    const path = `/aws-service-role/${spec.awsServiceName}/`;
    expect(observed.arn).toBe(`arn:aws:iam::${ACCOUNT}:role${path}${roleName}`);
    expect(created.arn).toBe(observed.arn);
  });

  test('is not taken for another one whose suffix ends the same, nor for one with a suffix', async () => {
    await harness.create(serviceLinkedRole, { awsServiceName: AUTOSCALING, customSuffix: 'blue_green' });
    for (const spec of [{ awsServiceName: AUTOSCALING, customSuffix: 'green' }, { awsServiceName: AUTOSCALING }]) {
      expect(await harness.read(serviceLinkedRole, spec)).toBeUndefined();
      expect((await harness.readMany(serviceLinkedRole, [spec])).result?.size).toBe(0);
    }
  });

  test('with a suffix that its service does not take is no role that exists already', async () => {
    const spec = { awsServiceName: 'ecs.amazonaws.com', customSuffix: 'law' };
    const refused = await harness.errorFrom(serviceLinkedRole.create(desiredOf(serviceLinkedRole, spec)));
    expect([refused.code, serviceLinkedRole.isAlreadyExistsError(refused)]).toEqual(['InvalidInput', false]);
  });

  test('counts as deleted when its service has released it, not when AWS has replied', async () => {
    const observed = await harness.converge(serviceLinkedRole, { awsServiceName: AUTOSCALING });
    const steps = await harness.deletionWrites(serviceLinkedRole, observed);
    const calls = await harness.send(serviceLinkedRole, steps);
    const asked = 'GetServiceLinkedRoleDeletionStatus';
    expect(calls).toEqual(['DeleteServiceLinkedRole', asked, asked, asked]);
    expect(await harness.read(serviceLinkedRole, { awsServiceName: AUTOSCALING })).toBeUndefined();
  });

  test('that its service still uses stays, and the failure says why', async () => {
    const spec = { awsServiceName: AUTOSCALING };
    const observed = await harness.converge(serviceLinkedRole, spec);
    await harness.markInUse('AWSServiceRoleForAutoScaling');
    const steps = await harness.deletionWrites(serviceLinkedRole, observed);
    const error = awsError(await harness.send(serviceLinkedRole, steps).catch((thrown: unknown) => thrown));
    expect([error.code, failureTypeOf(error), error.unclear]).toEqual(['DeleteConflict', 'InUse', false]);
    expect(error.message).toMatch(/still uses.* \(us-east-1: arn:.+\)$/);
    expect(await harness.observe(serviceLinkedRole, spec)).toEqual(observed);
  });

  test('whose service does not release it fails after five minutes', async () => {
    const observed = await harness.converge(serviceLinkedRole, { awsServiceName: AUTOSCALING });
    const [last] = await harness.deletionWrites(serviceLinkedRole, observed);
    const reader = harness.readerReplying('GetServiceLinkedRoleDeletionStatus', { Status: 'IN_PROGRESS' });
    jest.useFakeTimers();
    try {
      const given = expect(last?.waitUntilApplied?.(reader, { DeletionTaskId: 'task' })).rejects.toThrow(
        'within 5 minutes',
      );
      await jest.advanceTimersByTimeAsync(320_000);
      await given;
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('an account’s alias', () => {
  const mine = { accountAliases: ['mine'] };
  const theirs = { accountAliases: ['theirs'] };

  test('is not replaced where another one is there and unmanaged ones are kept, though the name is free', async () => {
    const observed = await harness.converge(accountAlias, theirs);
    const { drift, unmanaged, changes } = compareSpec(accountAlias, mine, observed);
    expect(drift).toMatchObject([{ path: 'accountAliases', observed: ['theirs'], desired: ['mine'], immutable: true }]);
    expect(unmanaged).toEqual(['accountAliases: theirs']);
    expect(accountAlias.update(desiredOf(accountAlias, mine), observed, changes)).toEqual([]);
    expect(accountAlias.createOverwrites).toBe(true);
  });

  test('is replaced where unmanaged ones are removed, and once more after a lost reply', async () => {
    const observed = await harness.converge(accountAlias, theirs);
    for (const attempt of [1, 2]) {
      const calls = await harness.update(accountAlias, mine, observed, { removeUnmanaged: true });
      expect([attempt, calls]).toEqual([attempt, ['CreateAccountAlias']]);
      expect((await harness.observe(accountAlias, mine)).state).toEqual(mine);
    }
  });
});

describe('an account’s password policy', () => {
  test('keeps what the manifest leaves open, where AWS would set it back', async () => {
    const before = await harness.converge(accountPasswordPolicy, {
      minimumPasswordLength: 14,
      requireSymbols: true,
      maxPasswordAge: 90,
      passwordReusePrevention: 5,
      hardExpiry: true,
    });
    const spec = { minimumPasswordLength: 20, passwordReusePrevention: null };
    await harness.update(accountPasswordPolicy, spec, before);
    expect((await harness.observe(accountPasswordPolicy, spec)).state).toEqual({ ...before.state, ...spec });
  });

  test('that lets passwords live on is read so, and written back without an age', async () => {
    const bare = { MinimumPasswordLength: 8, ExpirePasswords: false, MaxPasswordAge: 0 };
    const reader = harness.readerReplying('GetAccountPasswordPolicy', { PasswordPolicy: bare });
    const spec = { requireNumbers: true };
    const observed = await accountPasswordPolicy.read(reader, { name: 'account', spec }, TARGET);
    expect(observed?.state).toMatchObject({ maxPasswordAge: null, passwordReusePrevention: null, hardExpiry: false });
    const { changes } = compareSpec(accountPasswordPolicy, spec, observed ?? fail());
    const [write] = accountPasswordPolicy.update(desiredOf(accountPasswordPolicy, spec), observed ?? fail(), changes);
    expect(write?.input).toEqual({
      MinimumPasswordLength: 8,
      RequireSymbols: false,
      RequireNumbers: true,
      RequireUppercaseCharacters: false,
      RequireLowercaseCharacters: false,
      AllowUsersToChangePassword: false,
      HardExpiry: false,
    });
  });
});

function fail(): never {
  throw new Error('it is not there');
}

describe('what every account has', () => {
  test('properties of two namespaces are written apart, only those that differ, and others are left alone', async () => {
    const put = (Properties: Record<string, string>): ReturnType<typeof write> =>
      write('PutAccountProperties', { Properties });
    await harness.sendDirectly([put({ 'One/Same': 'true', 'One/Other': 'theirs' })]);
    const spec = { properties: { 'One/Same': 'true', 'One/New': '1', 'Two/New': '2' } };
    const observed = await harness.observe(accountProperties, spec);
    const { changes } = compareSpec(accountProperties, spec, observed);
    const steps = accountProperties.update(desiredOf(accountProperties, spec), observed, changes);
    expect(steps).toEqual([put({ 'One/New': '1' }), put({ 'Two/New': '2' })]);
    await harness.send(accountProperties, steps);
    expect((await harness.reader.get('GetAccountProperties', {})).Properties).toEqual({
      ...spec.properties,
      'One/Other': 'theirs',
    });
  });

  test('properties that are declared are there from the start: nothing is ever created', async () => {
    const spec = { properties: { 'One/New': '1' } };
    const observed = await harness.observe(accountProperties, spec);
    expect(await harness.update(accountProperties, spec, observed)).toEqual(['PutAccountProperties']);
  });

  test('properties cannot be absent once there are any', async () => {
    await harness.converge(accountProperties, { properties: { 'One/New': '1' } });
    const observed = (await harness.read(accountProperties, {})) ?? fail();
    const error = awsError(
      await harness.deletionWrites(accountProperties, observed).catch((thrown: unknown) => thrown),
    );
    expect(failureTypeOf(error)).toBe('InvalidInput');
  });

  test('the version of STS tokens is there when it is declared, even as AWS’s default', async () => {
    const spec = { globalEndpointTokenVersion: 'v1Token' };
    expect(
      compareSpec(securityTokenServicePreferences, spec, await harness.observe(securityTokenServicePreferences, spec)),
    ).toEqual({ drift: [], unmanaged: [], changes: {} });
    await harness.converge(securityTokenServicePreferences, { globalEndpointTokenVersion: 'v2Token' });
    const observed = (await harness.read(securityTokenServicePreferences, {})) ?? fail();
    await harness.send(
      securityTokenServicePreferences,
      await harness.deletionWrites(securityTokenServicePreferences, observed),
    );
    expect((await harness.observe(securityTokenServicePreferences, spec)).state).toEqual(spec);
  });

  test('federation that is there and switched off is absent', async () => {
    const reader = harness.readerReplying('GetOutboundWebIdentityFederationInfo', { JwtVendingEnabled: false });
    expect(await harness.read(outboundWebIdentityFederation, {}, reader)).toBeUndefined();
  });

  test('a federation that cannot be read is no absent one', async () => {
    const denied = harness.read(outboundWebIdentityFederation, {}, harness.readerDenied());
    await expect(denied).rejects.toThrow('not authorized');
  });
});

import { createUser, iam, outcomeOf, outcomesOf, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

describe('the password policy', () => {
  test('is replaced completely: a missing setting gets its default', async () => {
    expect(await outcomeOf(iam.getAccountPasswordPolicy({}))).toMatch(/^404 NoSuchEntity/);
    expect(await outcomeOf(iam.deleteAccountPasswordPolicy({}))).toMatch(/^404 NoSuchEntity/);
    const all = {
      MinimumPasswordLength: 12,
      RequireSymbols: true,
      RequireNumbers: true,
      RequireUppercaseCharacters: true,
      RequireLowercaseCharacters: true,
      AllowUsersToChangePassword: true,
      MaxPasswordAge: 90,
      PasswordReusePrevention: 5,
      HardExpiry: true,
    };
    await iam.updateAccountPasswordPolicy(all);
    expect((await iam.getAccountPasswordPolicy({})).PasswordPolicy).toEqual({ ...all, ExpirePasswords: true });
    await iam.updateAccountPasswordPolicy({ RequireNumbers: true });
    expect((await iam.getAccountPasswordPolicy({})).PasswordPolicy).toEqual({
      MinimumPasswordLength: 6,
      RequireSymbols: false,
      RequireNumbers: true,
      RequireUppercaseCharacters: false,
      RequireLowercaseCharacters: false,
      AllowUsersToChangePassword: false,
      ExpirePasswords: false,
      HardExpiry: false,
    });
    await iam.deleteAccountPasswordPolicy({});
    expect(await outcomeOf(iam.getAccountPasswordPolicy({}))).toMatch(/^404 NoSuchEntity/);
  });

  test.each([
    { MinimumPasswordLength: 5 },
    { MinimumPasswordLength: 129 },
    { MaxPasswordAge: 0 },
    { MaxPasswordAge: 1096 },
    { PasswordReusePrevention: 0 },
    { PasswordReusePrevention: 25 },
  ])('does not take %j', async (policy) => {
    expect(await outcomeOf(iam.updateAccountPasswordPolicy(policy))).toMatch(/^400 ValidationError/);
  });
});

describe('login profiles', () => {
  const UserName = 'u';
  const create = (Password?: string, rest: object = {}) => iam.createLoginProfile({ UserName, Password, ...rest });
  const get = async () => (await iam.getLoginProfile({ UserName })).LoginProfile;

  test('can be created once, updated and deleted', async () => {
    expect(await outcomeOf(create('Correct-horse-7'))).toMatch(/^404 NoSuchEntity/);
    await createUser(UserName);
    expect(await outcomeOf(get())).toMatch(/^404 NoSuchEntity/);
    const { LoginProfile } = await create('Correct-horse-7', { PasswordResetRequired: true });
    expect(LoginProfile).toEqual({ UserName, CreateDate: expect.any(Date) as Date, PasswordResetRequired: true });
    expect(await outcomeOf(create('Correct-horse-7'))).toBe(
      '409 EntityAlreadyExists: Login Profile for user u already exists.',
    );
    await iam.updateLoginProfile({ UserName, Password: 'Battery-staple-7' });
    expect(await get()).toEqual(LoginProfile);
    await iam.updateLoginProfile({ UserName, PasswordResetRequired: false });
    expect(await get()).toEqual({ ...LoginProfile, PasswordResetRequired: false });
    await iam.deleteLoginProfile({ UserName });
    const gone = [get(), iam.updateLoginProfile({ UserName }), iam.deleteLoginProfile({ UserName })];
    expect(await outcomesOf(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
    expect(await outcomeOf(create())).toMatch(/^400 ValidationError/);
  });

  test('follow AWS’s default password policy if the account has none', async () => {
    await createUser(UserName);
    for (const password of ['Aa1!aaa', 'lowercase-only', 'alllowercase', 'UPPER-CASE']) {
      expect(await outcomeOf(create(password))).toMatch(/^400 PasswordPolicyViolation/);
    }
    expect(await outcomeOf(create('Lowercase1'))).toBe('accepted');
    expect(await outcomeOf(iam.updateLoginProfile({ UserName, Password: 'weak' }))).toMatch(
      /^400 PasswordPolicyViolation/,
    );
  });

  test('follow the password policy of the account', async () => {
    await createUser(UserName);
    await iam.updateAccountPasswordPolicy({ MinimumPasswordLength: 10, RequireSymbols: true });
    expect(await outcomeOf(create('Aa1-Aa1-A'))).toMatch(/^400 PasswordPolicyViolation: .*minimum length of 10/);
    expect(await outcomeOf(create('Aaaaaaaaa1'))).toMatch(/^400 PasswordPolicyViolation: .*at least one symbol/);
    expect(await outcomeOf(create('aaaaaaaaa-'))).toBe('accepted');
  });
});

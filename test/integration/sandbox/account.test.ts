import {
  ADMINISTRATOR,
  OTHER_ACCOUNT,
  SAML_METADATA,
  TRUST,
  createGroup,
  createInstanceProfile,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  outcomesOf,
  setOrganizationError,
  policyArn,
  policyOf,
  sandbox,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';
import { iamClient } from '../../support/sandbox.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

describe('the account alias', () => {
  const create = (AccountAlias: string, client = iam) => outcomeOf(client.createAccountAlias({ AccountAlias }));
  const remove = (AccountAlias: string) => outcomeOf(iam.deleteAccountAlias({ AccountAlias }));
  const list = async () => (await iam.listAccountAliases({})).AccountAliases;

  test('a new alias replaces the old one', async () => {
    expect(await list()).toEqual([]);
    expect(await create('acme-prod')).toBe('accepted');
    expect(await create('acme-live')).toBe('accepted');
    expect(await list()).toEqual(['acme-live']);
    expect(await remove('acme-prod')).toMatch(/^404 NoSuchEntity/);
    expect(await remove('acme-live')).toBe('accepted');
    expect(await list()).toEqual([]);
  });

  test('an alias that any account has is refused', async () => {
    const other = iamClient(sandbox.url, OTHER_ACCOUNT);
    expect(await create('acme-prod', other)).toBe('accepted');
    expect(await create('acme-prod')).toBe('409 EntityAlreadyExists: The account alias acme-prod already exists.');
    expect(await create('acme-prod', other)).toMatch(/^409 EntityAlreadyExists/);
    expect(await remove('acme-prod')).toMatch(/^404 NoSuchEntity/);
  });

  test.each(['ab', 'a'.repeat(64), 'Acme', '-acme', 'acme-', 'ac--me', 'ac_me'])(
    '%s is not a valid alias',
    async (alias) => {
      expect(await create(alias)).toMatch(/^400 ValidationError/);
    },
  );
});

describe('settings of the account', () => {
  test('outbound web identity federation is enabled or disabled', async () => {
    const off = [iam.disableOutboundWebIdentityFederation({}), iam.getOutboundWebIdentityFederationInfo({})];
    expect(await outcomesOf(off)).toEqual(Array(2).fill(expect.stringMatching(/^404 FeatureDisabled/)));
    const { IssuerIdentifier } = await iam.enableOutboundWebIdentityFederation({});
    expect(IssuerIdentifier).toMatch(/^https:\/\/[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws$/);
    expect(await outcomeOf(iam.enableOutboundWebIdentityFederation({}))).toMatch(/^409 FeatureEnabled/);
    expect(await iam.getOutboundWebIdentityFederationInfo({})).toMatchObject({
      IssuerIdentifier,
      JwtVendingEnabled: true,
    });
    const other = await iamClient(sandbox.url, OTHER_ACCOUNT).enableOutboundWebIdentityFederation({});
    expect(other.IssuerIdentifier).not.toBe(IssuerIdentifier);
    await iam.disableOutboundWebIdentityFederation({});
    expect(await outcomeOf(iam.getOutboundWebIdentityFederationInfo({}))).toMatch(/^404 FeatureDisabled/);
    expect((await iam.enableOutboundWebIdentityFederation({})).IssuerIdentifier).toBe(IssuerIdentifier);
  });

  test('features of the organization are enabled once or more, for the accounts that may', async () => {
    const features = async () => (await iam.listOrganizationsFeatures({})).EnabledFeatures;
    expect(await features()).toEqual([]);
    await iam.enableOrganizationsRootSessions({});
    await iam.enableOrganizationsRootSessions({});
    const enabled = await iam.enableOrganizationsRootCredentialsManagement({});
    expect(enabled.EnabledFeatures).toEqual(['RootCredentialsManagement', 'RootSessions']);
    await iam.disableOrganizationsRootSessions({});
    expect(await features()).toEqual(['RootCredentialsManagement']);
    expect(await setOrganizationError('ServiceAccessNotEnabled')).toBe(200);
    const refused = [iam.listOrganizationsFeatures({}), iam.disableOrganizationsRootCredentialsManagement({})];
    expect(await outcomesOf(refused)).toEqual(Array(2).fill(expect.stringMatching(/^400 ServiceAccessNotEnabled/)));
    expect(await setOrganizationError('NoSuchError')).toBe(400);
    await setOrganizationError(null);
    expect(await features()).toEqual(['RootCredentialsManagement']);
  });

  test('properties of one namespace are replaced, and other namespaces stay', async () => {
    const get = async () => (await iam.getAccountProperties({})).Properties ?? {};
    const put = (Properties: Record<string, string>) => outcomeOf(iam.putAccountProperties({ Properties }));
    expect(await get()).toEqual({});
    expect(await put({ 'RoleManager/Enabled': 'true', 'RoleManager/Prefix': 'ci' })).toBe('accepted');
    expect(await put({ 'RoleManager/Enabled': 'false' })).toBe('accepted');
    expect(await put({ 'Other/One': '1' })).toBe('accepted');
    expect(await get()).toEqual({ 'RoleManager/Enabled': 'false', 'RoleManager/Prefix': 'ci', 'Other/One': '1' });
    expect(await put({ 'RoleManager/Enabled': 'true', 'Other/One': '2' })).toMatch(/^400 InvalidInput/);
    for (const key of ['RoleManager', 'RoleManager/', 'RoleManager/A/B']) {
      expect(await put({ [key]: 'x' })).toMatch(/^400 InvalidInput/);
    }
    for (const key of ['/Enabled', '1/Enabled', `A/${'b'.repeat(50)}`]) {
      expect(await put({ [key]: 'x' })).toMatch(/^400 ValidationError/);
    }
    expect(await put({ 'A/B': 'x'.repeat(1025) })).toMatch(/^400 ValidationError/);
  });

  test('GetAccountSummary shows the token version of the global endpoint', async () => {
    const version = async () => (await iam.getAccountSummary({})).SummaryMap?.GlobalEndpointTokenVersion;
    expect(await version()).toBe(1);
    await iam.setSecurityTokenServicePreferences({ GlobalEndpointTokenVersion: 'v2Token' });
    expect(await version()).toBe(2);
    await iam.setSecurityTokenServicePreferences({ GlobalEndpointTokenVersion: 'v1Token' });
    expect(await version()).toBe(1);
  });

  test('GetAccountSummary counts entities', async () => {
    await Promise.all([
      createRole('r'),
      createUser('u'),
      createUser('v'),
      createGroup('g'),
      iam.createInstanceProfile({ InstanceProfileName: 'i' }),
    ]);
    const { Policy } = await iam.createPolicy({ PolicyName: 'p', PolicyDocument: policyOf() });
    await iam.createPolicy({ PolicyName: 'q', PolicyDocument: policyOf() });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: Policy?.Arn });
    await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: Policy?.Arn });
    await iam.putUserPermissionsBoundary({ UserName: 'u', PermissionsBoundary: ADMINISTRATOR });
    await iam.createOpenIDConnectProvider({ Url: 'https://token.example' });
    const SAMLMetadataDocument = SAML_METADATA;
    await iam.createSAMLProvider({ Name: 'idp', SAMLMetadataDocument });
    await iam.uploadServerCertificate({
      ServerCertificateName: 'web',
      CertificateBody: pki.leaf,
      PrivateKey: pki.leafKey,
    });
    const { VirtualMFADevice } = await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'phone' });
    await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'spare' });
    await iam.enableMFADevice({
      UserName: 'u',
      SerialNumber: VirtualMFADevice?.SerialNumber,
      AuthenticationCode1: '123456',
      AuthenticationCode2: '654321',
    });
    const counts = Object.entries((await iam.getAccountSummary({})).SummaryMap ?? {}).filter(
      ([name]) => !name.endsWith('Quota'),
    );
    expect(Object.fromEntries(counts)).toEqual({
      Roles: 1,
      Users: 2,
      Groups: 1,
      Policies: 2,
      PolicyVersionsInUse: 2,
      InstanceProfiles: 1,
      Providers: 2,
      ServerCertificates: 1,
      MFADevices: 2,
      MFADevicesInUse: 1,
      AccountMFAEnabled: 0,
      AccountPasswordPresent: 0,
      AccountAccessKeysPresent: 0,
      AccountSigningCertificatesPresent: 0,
      GlobalEndpointTokenVersion: 1,
    });
  });
});

describe('GetAccountAuthorizationDetails', () => {
  beforeEach(async () => {
    const PolicyArn = await createPolicy('p', { Description: 'of the policy', Tags: [{ Key: 'a', Value: '1' }] });
    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: policyOf('arn:aws:s3:::b/*'), SetAsDefault: true });
    await createRole('r', { Description: 'of the role', MaxSessionDuration: 7200, Tags: [{ Key: 'a', Value: '1' }] });
    await createUser('u', { Tags: [{ Key: 'a', Value: '2' }] });
    await createGroup('g');
    await createInstanceProfile('i');
    await iam.addRoleToInstanceProfile({ InstanceProfileName: 'i', RoleName: 'r' });
    await iam.addUserToGroup({ GroupName: 'g', UserName: 'u' });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn });
    await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: ADMINISTRATOR });
    await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'inline', PolicyDocument: policyOf() });
  });

  test('shows the fields that AWS shows', async () => {
    const details = await iam.getAccountAuthorizationDetails({});
    const [shown] = details.RoleDetailList ?? [];
    expect(shown).toMatchObject({
      RoleName: 'r',
      Tags: [{ Key: 'a', Value: '1' }],
      AttachedManagedPolicies: [{ PolicyName: 'p', PolicyArn: policyArn('p') }],
      InstanceProfileList: [{ InstanceProfileName: 'i', Roles: [{ RoleName: 'r' }] }],
    });
    expect(shown).not.toHaveProperty('Description');
    expect(shown).not.toHaveProperty('MaxSessionDuration');
    expect(shown?.AssumeRolePolicyDocument).toBe(
      encodeURIComponent(TRUST).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
    );
    expect(decodeURIComponent(shown?.RolePolicyList?.[0]?.PolicyDocument ?? '')).toBe(policyOf());
    expect(shown?.RolePolicyList?.[0]?.PolicyDocument).not.toMatch(/[*{]/);
    expect(details.UserDetailList).toMatchObject([
      { UserName: 'u', GroupList: ['g'], Tags: [{ Key: 'a', Value: '2' }] },
    ]);
    expect(details.GroupDetailList).toMatchObject([{ AttachedManagedPolicies: [{ PolicyArn: ADMINISTRATOR }] }]);
    const local = details.Policies?.find(({ PolicyName }) => PolicyName === 'p');
    expect(local).toMatchObject({ Description: 'of the policy', DefaultVersionId: 'v2', AttachmentCount: 1 });
    expect(local).not.toHaveProperty('Tags');
    expect(local?.PolicyVersionList?.map(({ VersionId }) => VersionId)).toEqual(['v2', 'v1']);
    expect(decodeURIComponent(local?.PolicyVersionList?.[1]?.Document ?? '')).toBe(policyOf());
  });

  test('honours the filter', async () => {
    const counts = async (Filter: ('User' | 'Role' | 'Group' | 'LocalManagedPolicy' | 'AWSManagedPolicy')[]) => {
      const shown = await iam.getAccountAuthorizationDetails({ Filter });
      return [shown.UserDetailList, shown.GroupDetailList, shown.RoleDetailList, shown.Policies].map((l) => l?.length);
    };
    expect(await counts(['Role'])).toEqual([0, 0, 1, 0]);
    expect(await counts(['User', 'Group'])).toEqual([1, 1, 0, 0]);
    expect(await counts(['LocalManagedPolicy'])).toEqual([0, 0, 0, 1]);
    expect(await counts(['AWSManagedPolicy'])).toEqual([0, 0, 0, 1]);
    expect(await counts([])).toEqual([1, 1, 1, 2]);
  });

  test('pages across the types', async () => {
    const pages: (string | undefined)[][] = [];
    let Marker: string | undefined;
    do {
      const page = await iam.getAccountAuthorizationDetails({ MaxItems: 2, Marker });
      pages.push([
        ...(page.UserDetailList ?? []).map(({ UserName }) => UserName),
        ...(page.GroupDetailList ?? []).map(({ GroupName }) => GroupName),
        ...(page.RoleDetailList ?? []).map(({ RoleName }) => RoleName),
        ...(page.Policies ?? []).map(({ PolicyName }) => PolicyName),
      ]);
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(pages).toEqual([['u', 'g'], ['r', 'AdministratorAccess'], ['p']]);
  });
});

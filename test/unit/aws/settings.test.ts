import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeAwsSettings } from '../../../src/aws/describe-settings.js';
import { type AwsSettings, awsOptions, readAwsSettings } from '../../../src/aws/settings.js';
import { loadConfig } from '../../../src/config/config.js';

/** The settings of AWS, by variables and profiles. */

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-settings-'));
  process.env['AWS_CONFIG_FILE'] = join(folder, 'config');
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(folder, 'credentials');
});

afterEach(() => {
  delete process.env['AWS_CONFIG_FILE'];
  delete process.env['AWS_SHARED_CREDENTIALS_FILE'];
  rmSync(folder, { recursive: true });
});

async function read(variables: Readonly<Record<string, string>>, config = '', credentials = ''): Promise<AwsSettings> {
  writeFileSync(join(folder, 'config'), config);
  writeFileSync(join(folder, 'credentials'), credentials);
  return readAwsSettings(variables);
}

const ACME = '[profile acme]\nregion = eu-central-1\n';

test.each([
  ['AWS_REGION', { AWS_REGION: 'us-west-2', AWS_DEFAULT_REGION: 'us-east-2', AWS_PROFILE: 'acme' }, 'us-west-2'],
  ['AWS_DEFAULT_REGION', { AWS_DEFAULT_REGION: 'us-east-2', AWS_PROFILE: 'acme' }, 'us-east-2'],
  ['region of profile acme', { AWS_PROFILE: 'acme' }, 'eu-central-1'],
])('the region comes from %s', async (source, variables, value) => {
  const { region, partition } = await read(variables, ACME);
  expect(region).toEqual({ value, source });
  expect(partition).toEqual({ value: 'aws', source: `region ${value}` });
});

test('the region of the file of credentials counts before that of the file of profiles, as in the SDK', async () => {
  const credentials = '[default]\nregion = eu-west-3\n';
  expect((await read({}, '[default]\nregion = eu-west-2\n', credentials)).region?.value).toBe('eu-west-3');
});

test.each([
  ['the region', { AWS_REGION: 'us-isof-south-1' }, '', 'aws-iso-f'],
  ['the role of a web identity', { AWS_ROLE_ARN: 'arn:aws-cn:iam::111111111111:role/r' }, '', 'aws-cn'],
  ['the role of a profile', {}, '[default]\nrole_arn = arn:aws-us-gov:iam::111111111111:role/r\n', 'aws-us-gov'],
  [
    'the region of an SSO session',
    {},
    '[default]\nsso_session = s\n[sso-session s]\nsso_region = cn-north-1\n',
    'aws-cn',
  ],
  ['nothing', {}, '', 'aws'],
])('the partition follows from %s', async (_title, variables, config, partition) => {
  expect((await read(variables, config)).partition?.value).toBe(partition);
});

test.each([
  ['of the profile', '[profile acme]\nregion = xx-made-up-1\n', 'region of profile acme'],
  ['of an SSO portal', '[profile acme]\nsso_region = xx-made-up-1\n', 'sso_region of profile acme'],
  [
    'of the profile that another takes credentials from',
    '[profile acme]\nsource_profile = base\n[profile base]\nregion = xx-made-up-1\n',
    'region of profile base',
  ],
])('a region of no known partition %s is a mistake that names its source', async (_title, config, source) => {
  const settings = await read({ AWS_PROFILE: 'acme', AWS_REGION: 'us-east-1' }, config);
  expect(() => awsOptions(loadConfig({}), settings)).toThrow(
    `region xx-made-up-1 is of no partition of AWS that is known (${source})`,
  );
});

test('the options of clients have everything that is configured', async () => {
  const variables = {
    AWS_PROFILE: 'acme',
    AWS_ENDPOINT_URL_STS: 'https://sts.example.com',
    IAM_BOOTSTRAP_AWS_TIMEOUT: '3',
    IAM_BOOTSTRAP_SECRETS: '/secrets',
    IAM_BOOTSTRAP_SOURCE_IDENTITY: 'platform',
    HTTPS_PROXY: 'http://proxy.example.com:3128',
  };
  const config = `${ACME}use_fips_endpoint = true\nuse_dualstack_endpoint = false\nservices = ours\nendpoint_url = https://all.example.com\n[services ours]\niam =\n  endpoint_url = https://iam.example.com\n`;
  expect(awsOptions(loadConfig(variables), await read(variables, config))).toEqual({
    userAgent: 'iam-bootstrap',
    agents: expect.any(Function) as unknown,
    region: 'eu-central-1',
    requestTimeoutMs: 3000,
    secretsFolder: '/secrets',
    sourceIdentity: 'platform',
    iamEndpoint: 'https://iam.example.com',
    stsEndpoint: 'https://sts.example.com',
    secretsManagerEndpoint: 'https://all.example.com',
    cloudTrailEndpoint: 'https://all.example.com',
    accessAnalyzerEndpoint: 'https://all.example.com',
    organizationsEndpoint: 'https://all.example.com',
    snsEndpoint: 'https://all.example.com',
    taggingEndpoint: 'https://all.example.com',
    useFipsEndpoint: true,
    useDualstackEndpoint: false,
  });
});

test('with nothing configured, clients have the defaults of the SDK', async () => {
  expect(awsOptions(loadConfig({}), await read({}))).toEqual({ userAgent: 'iam-bootstrap', agents: undefined });
});

test('endpoints that are to be ignored are', async () => {
  const variables = { AWS_ENDPOINT_URL: 'https://all.example.com', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
  expect((await read(variables)).endpoints).toEqual({});
  expect(loadConfig(variables).iamEndpoint).toBeUndefined();
  expect(() => loadConfig({ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'maybe' })).toThrow(
    'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is maybe; expected true or false',
  );
});

test.each([
  [
    'a switch that is none',
    { AWS_USE_FIPS_ENDPOINT: 'yes' },
    '',
    'AWS_USE_FIPS_ENDPOINT is yes; expected true or false',
  ],
  ...['nonsense', '127.0.0.1:4566', 'localhost:4566', 'ftp://host'].map(
    (url): [string, Record<string, string>, string, string] => [
      `an endpoint ${url}`,
      { AWS_ENDPOINT_URL: url },
      '',
      'AWS_ENDPOINT_URL is not the URL of an endpoint',
    ],
  ),
  ['an endpoint of a profile', {}, '[default]\nendpoint_url = nonsense\n', 'endpoint_url of profile default is not'],
  [
    'a profile that is in no file',
    { AWS_PROFILE: 'nowhere', AWS_ACCESS_KEY_ID: 'AKIASECRET' },
    ACME,
    'AWS_PROFILE names profile nowhere, which is in no file of profiles',
  ],
  ['services that are not there', {}, '[default]\nservices = ours\n', 'names services ours'],
])('%s is a mistake in the settings', async (_title, variables, config, message) => {
  await expect(read(variables, config)).rejects.toThrow(message);
});

test.each([{ AWS_WEB_IDENTITY_TOKEN_FILE: '/t' }, { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://h/' }])(
  'a profile that is in no file is passed over with %j, as in the SDK',
  async (variables) => {
    await expect(read({ AWS_PROFILE: 'nowhere', ...variables })).resolves.toBeDefined();
  },
);

const ROLE = 'arn:aws:iam::111111111111:role/r';

test.each([
  [{ AWS_ACCESS_KEY_ID: 'AKIASECRET' }, '', 'access keys', 'AWS_ACCESS_KEY_ID'],
  [
    { AWS_ACCESS_KEY_ID: 'AKIASECRET', AWS_PROFILE: 'default' },
    'credential_process = x\n',
    'credential_process',
    'profile default',
  ],
  [{}, `role_arn = ${ROLE}\nsource_profile = base\n`, `role ${ROLE}, with profile base`, 'profile default'],
  [
    {},
    `role_arn = ${ROLE}\ncredential_source = Ec2InstanceMetadata\n`,
    `role ${ROLE}, with Ec2InstanceMetadata`,
    'profile default',
  ],
  [{}, 'sso_account_id = 111111111111\n', 'SSO for account 111111111111', 'profile default'],
  [{}, 'login_session = s\n', 'aws login', 'profile default'],
  [{}, 'aws_access_key_id = AKIASECRET\n', 'access keys', 'profile default'],
  [
    { AWS_WEB_IDENTITY_TOKEN_FILE: '/t', AWS_ROLE_ARN: ROLE },
    '',
    `web identity for ${ROLE}`,
    'AWS_WEB_IDENTITY_TOKEN_FILE',
  ],
  [{ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://h/?token=t' }, '', 'container', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'],
  [{}, '', 'EC2 instance metadata', 'default'],
  [{ AWS_EC2_METADATA_DISABLED: 'true' }, '', 'none', 'AWS_EC2_METADATA_DISABLED'],
])('the source of credentials for %j and %j is %s', async (variables, lines, value, source) => {
  const { credentials } = await read(variables, `[default]\n${lines}`);
  expect(credentials).toEqual({ value, source });
});

test('the description names every setting with its source, and has no secret', async () => {
  const variables = {
    AWS_ACCESS_KEY_ID: 'AKIASECRET',
    AWS_SECRET_ACCESS_KEY: 'hunter2',
    AWS_REGION: 'eu-west-1',
    AWS_ENDPOINT_URL_IAM: 'https://name:hunter2@iam.example.com/path?token=hunter2',
    https_proxy: 'http://name:hunter2@proxy.example.com:3128',
    NO_PROXY: 'example.org',
  };
  const described = describeAwsSettings(await read(variables), loadConfig(variables).network);
  expect(described).toEqual([
    { name: 'aws region', value: 'eu-west-1', source: 'AWS_REGION' },
    { name: 'aws partition', value: 'aws', source: 'region eu-west-1' },
    { name: 'aws credentials', value: 'access keys', source: 'AWS_ACCESS_KEY_ID' },
    { name: 'aws endpoint IAM', value: 'https://iam.example.com/path', source: 'AWS_ENDPOINT_URL_IAM' },
    { name: 'aws endpoint STS', value: "AWS's own", source: 'default' },
    { name: 'aws endpoint SECRETS_MANAGER', value: "AWS's own", source: 'default' },
    { name: 'aws endpoint CLOUDTRAIL', value: "AWS's own", source: 'default' },
    { name: 'aws endpoint ACCESSANALYZER', value: "AWS's own", source: 'default' },
    { name: 'aws endpoint SNS', value: "AWS's own", source: 'default' },
    { name: 'aws endpoint ORGANIZATIONS', value: "AWS's own", source: 'default' },
    { name: 'aws endpoint RESOURCE_GROUPS_TAGGING_API', value: "AWS's own", source: 'default' },
    { name: 'aws FIPS', value: 'false', source: 'default' },
    { name: 'aws dual-stack', value: 'false', source: 'default' },
    { name: 'aws proxy', value: 'proxy.example.com:3128', source: 'https_proxy' },
    { name: 'aws CA', value: "Node.js's own", source: 'default' },
    { name: 'hosts without proxy', value: 'example.org', source: 'NO_PROXY' },
  ]);
  expect(JSON.stringify(described)).not.toMatch(/hunter2|AKIASECRET/);
});

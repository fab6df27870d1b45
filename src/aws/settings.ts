import { loadSharedConfigFiles } from '@smithy/core/config';
import type { Setting } from '../contract/setting.js';
import { ConfigError } from '../contract/user-facing-error.js';
import { agentsFor, type AwsNetwork } from './agents.js';
import type { AwsOptions } from './clients.js';
import { isPartition, partitionOf, signingRegion, unknownRegion } from '../engine/partitions.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration of the process that its calls to AWS depend on. */
export interface AwsConfig {
  readonly awsTimeoutMs: number | undefined;
  readonly secretsFolder: string | undefined;
  readonly sourceIdentity: string | undefined;
  readonly network: AwsNetwork;
  readonly environment: Environment;
}

/** The services that are called, as their variables end. */
export const SERVICES = [
  'IAM',
  'STS',
  'SECRETS_MANAGER',
  'CLOUDTRAIL',
  'ACCESSANALYZER',
  'SNS',
  'ORGANIZATIONS',
  'RESOURCE_GROUPS_TAGGING_API',
] as const;

type Service = (typeof SERVICES)[number];

/** Settings of AWS, read as the SDK reads them: variables first, then the profile. */
export interface AwsSettings {
  /** Undefined where none is configured: each partition has its own default. */
  readonly region: Setting | undefined;
  /** The partition of these settings. A request names its own. Undefined for an unknown region. */
  readonly partition: Setting | undefined;
  readonly fips: Setting | undefined;
  readonly dualStack: Setting | undefined;
  /** All regions that calls may go to, those of the credential chain's own calls included. */
  readonly regions: readonly Setting[];
  /** Endpoints in place of AWS's own. */
  readonly endpoints: Readonly<Partial<Record<Service, Setting>>>;
  readonly credentials: Setting;
}

/** Sections of the files of profiles. */
type Sections = Readonly<Record<string, Readonly<Record<string, string | undefined>> | undefined>>;

interface Sources {
  readonly environment: Environment;
  readonly profileName: string;
  readonly profile: NonNullable<Sections[string]>;
  readonly config: Sections;
}

/**
 * Reads the settings of AWS from variables and profiles.
 *
 * @throws ConfigError
 */
export async function readAwsSettings(environment: Environment): Promise<AwsSettings> {
  const { configFile, credentialsFile } = await readProfiles();
  const profileName = environment['AWS_PROFILE'] ?? 'default';
  const [fromConfig, fromCredentials] = [configFile[profileName], credentialsFile[profileName]];
  const sources = {
    environment,
    profileName,
    profile: { ...fromCredentials, ...fromConfig },
    config: configFile,
  };
  if (fromConfig === undefined && fromCredentials === undefined) requireOtherSource(profileName, environment);
  // The one setting for which the SDK prefers the file of credentials.
  const ofProfile = fromCredentials?.['region'] ?? fromConfig?.['region'];
  const region =
    fromVariables(environment, ['AWS_REGION', 'AWS_DEFAULT_REGION']) ?? ofProfileSetting(sources, 'region', ofProfile);
  return {
    region,
    partition: readPartition(sources, region),
    regions: [...(region === undefined ? [] : [region]), ...regionsOfChain(sources)],
    fips: readSwitch(sources, 'AWS_USE_FIPS_ENDPOINT', 'use_fips_endpoint'),
    dualStack: readSwitch(sources, 'AWS_USE_DUALSTACK_ENDPOINT', 'use_dualstack_endpoint'),
    endpoints: readEndpoints(sources),
    credentials: readCredentialSource(sources),
  };
}

/**
 * Refuses a profile that no file has, before the credentials of the machine are taken in its place. The SDK takes those
 * of a web identity or of a container, which are configured on purpose.
 */
function requireOtherSource(profileName: string, environment: Environment): void {
  const others = [
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ];
  if (profileName === 'default' || others.some((name) => environment[name] !== undefined)) return;
  throw new ConfigError(
    `AWS_PROFILE names profile ${profileName}, which is in no file of profiles`,
    'correct AWS_PROFILE, or AWS_CONFIG_FILE, which names the file if it is not ~/.aws/config',
  );
}

async function readProfiles(): Promise<Readonly<Record<'configFile' | 'credentialsFile', Sections>>> {
  try {
    return await loadSharedConfigFiles({ ignoreCache: true });
  } catch {
    // Missing files are empty. This user has no home folder, as in a container with any user ID.
    return { configFile: {}, credentialsFile: {} };
  }
}

/**
 * Returns the options for all clients of AWS.
 *
 * @throws ConfigError for a region of no known partition
 */
export function awsOptions(
  { awsTimeoutMs, secretsFolder, sourceIdentity, network }: AwsConfig,
  { region, regions, fips, dualStack, endpoints }: AwsSettings,
): AwsOptions {
  const unknown = regions.find(({ value }) => partitionOf(value) === undefined);
  if (unknown !== undefined) {
    throw new ConfigError(
      `${unknownRegion(unknown.value)} (${unknown.source})`,
      `correct it, as in ${signingRegion('aws')}; if AWS has added the region since, upgrade iam-bootstrap`,
    );
  }
  const values = {
    region: region?.value,
    requestTimeoutMs: awsTimeoutMs,
    secretsFolder,
    sourceIdentity,
    iamEndpoint: endpoints.IAM?.value,
    stsEndpoint: endpoints.STS?.value,
    secretsManagerEndpoint: endpoints.SECRETS_MANAGER?.value,
    cloudTrailEndpoint: endpoints.CLOUDTRAIL?.value,
    organizationsEndpoint: endpoints.ORGANIZATIONS?.value,
    accessAnalyzerEndpoint: endpoints.ACCESSANALYZER?.value,
    snsEndpoint: endpoints.SNS?.value,
    taggingEndpoint: endpoints.RESOURCE_GROUPS_TAGGING_API?.value,
    useFipsEndpoint: isOn(fips),
    useDualstackEndpoint: isOn(dualStack),
  };
  const configured = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return { userAgent: 'iam-bootstrap', agents: agentsFor(network), ...configured };
}

function isOn(setting: Setting | undefined): boolean | undefined {
  return setting === undefined ? undefined : setting.value === 'true';
}

function fromVariables(environment: Environment, names: readonly string[]): Setting | undefined {
  const source = names.find((name) => environment[name] !== undefined);
  return source === undefined ? undefined : { value: environment[source] ?? '', source };
}

function ofProfileSetting({ profileName }: Sources, key: string, value: string | undefined): Setting | undefined {
  return value === undefined || value === '' ? undefined : { value, source: `${key} of profile ${profileName}` };
}

/** Finds the partition by the region, else by the role or the SSO portal that credentials come from. */
function readPartition(sources: Sources, region: Setting | undefined): Setting | undefined {
  const { environment, profile } = sources;
  const named = (value: string | undefined, source: string): Setting | undefined =>
    value === undefined ? undefined : { value, source };
  if (region !== undefined) return named(partitionOf(region.value), `region ${region.value}`);
  const role =
    fromVariables(environment, ['AWS_ROLE_ARN']) ?? ofProfileSetting(sources, 'role_arn', profile['role_arn']);
  const ofRole = role?.value.split(':')[1] ?? '';
  if (role !== undefined && isPartition(ofRole)) return { value: ofRole, source: role.source };
  const portal = portalRegion(sources, sources.profileName);
  if (portal !== undefined) return named(partitionOf(portal.value), portal.source);
  return { value: 'aws', source: 'default' };
}

/** Reads the regions in which a profile's own sources of credentials are asked: STS, and an SSO portal. */
function regionsOfChain({ config, profileName, ...sources }: Sources): Setting[] {
  const found: Setting[] = [];
  const seen = new Set<string>();
  for (let name: string | undefined = profileName; name !== undefined && !seen.has(name);) {
    seen.add(name);
    const profile: Sources['profile'] = name === profileName ? sources.profile : (config[name] ?? {});
    const named = { ...sources, config, profileName: name, profile };
    found.push(
      ...[ofProfileSetting(named, 'region', profile['region']), portalRegion(named, name)].filter(
        (setting) => setting !== undefined,
      ),
    );
    name = profile['source_profile'];
  }
  return found;
}

function portalRegion(sources: Sources, profileName: string): Setting | undefined {
  const { profile, config } = sources;
  const session = config[`sso-session.${profile['sso_session'] ?? ''}`];
  return ofProfileSetting({ ...sources, profileName }, 'sso_region', profile['sso_region'] ?? session?.['sso_region']);
}

function readSwitch(sources: Sources, variable: string, key: string): Setting | undefined {
  const setting =
    fromVariables(sources.environment, [variable]) ?? ofProfileSetting(sources, key, sources.profile[key]);
  if (setting === undefined || /^(true|false)$/.test(setting.value)) return setting;
  throw new ConfigError(
    `${setting.source} is ${setting.value}; expected true or false`,
    'set it to true or false, or unset it',
  );
}

function readEndpoints(sources: Sources): AwsSettings['endpoints'] {
  const ignored = readSwitch(sources, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', 'ignore_configured_endpoint_urls');
  if (isOn(ignored) === true) return {};
  return Object.fromEntries(SERVICES.map((service) => [service, readEndpoint(sources, service)]));
}

function readEndpoint(sources: Sources, service: Service): Setting | undefined {
  const setting = findEndpoint(sources, service);
  if (setting === undefined || (/^https?:/.test(setting.value) && URL.canParse(setting.value))) return setting;
  throw new ConfigError(
    `${setting.source} is not the URL of an endpoint`,
    'set it to http://127.0.0.1:4566, for example, or unset it to reach AWS',
  );
}

function findEndpoint(sources: Sources, service: Service): Setting | undefined {
  const { environment, profile, config } = sources;
  const setting = fromVariables(environment, [`AWS_ENDPOINT_URL_${service}`, 'AWS_ENDPOINT_URL']);
  if (setting !== undefined) return setting;
  const { services } = profile;
  if (services !== undefined) {
    const section = config[`services.${services}`];
    if (section === undefined) {
      throw new ConfigError(
        `profile ${sources.profileName} names services ${services}, and the file of profiles has no such section`,
        `add [services ${services}], or remove the line`,
      );
    }
    const value = section[`${service.toLowerCase()}.endpoint_url`];
    if (value !== undefined) return { value, source: `services ${services} of profile ${sources.profileName}` };
  }
  return ofProfileSetting(sources, 'endpoint_url', profile['endpoint_url']);
}

/** Names the first source of the SDK's chain that is configured. It quotes no secret and no command line. */
function readCredentialSource(sources: Sources): Setting {
  const { environment, profileName } = sources;
  const key = fromVariables(environment, ['AWS_ACCESS_KEY_ID']);
  // The SDK passes the variables over where a profile is named.
  if (key !== undefined && environment['AWS_PROFILE'] === undefined) return { ...key, value: 'access keys' };
  const ofProfile = credentialsOfProfile(sources);
  if (ofProfile !== undefined) return { value: ofProfile, source: `profile ${profileName}` };
  if (environment['AWS_WEB_IDENTITY_TOKEN_FILE'] !== undefined) {
    const role = environment['AWS_ROLE_ARN'] ?? 'no role: AWS_ROLE_ARN is not set';
    return { value: `web identity for ${role}`, source: 'AWS_WEB_IDENTITY_TOKEN_FILE' };
  }
  const container = fromVariables(environment, [
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  ]);
  if (container !== undefined) return { value: 'container', source: container.source };
  const disabled = environment['AWS_EC2_METADATA_DISABLED'];
  if (disabled !== undefined && disabled !== 'false') return { value: 'none', source: 'AWS_EC2_METADATA_DISABLED' };
  return { value: 'EC2 instance metadata', source: 'default' };
}

function credentialsOfProfile({ profile }: Sources): string | undefined {
  const { role_arn: role, source_profile: source, credential_source: named } = profile;
  if (role !== undefined && source !== undefined) return `role ${role}, with profile ${source}`;
  if (role !== undefined && named !== undefined) return `role ${role}, with ${named}`;
  if (profile['aws_access_key_id'] !== undefined) return 'access keys';
  if (role !== undefined && profile['web_identity_token_file'] !== undefined) return `web identity for ${role}`;
  if (profile['credential_process'] !== undefined) return 'credential_process';
  if (profile['sso_account_id'] !== undefined) return `SSO for account ${profile['sso_account_id']}`;
  return profile['login_session'] === undefined ? undefined : 'aws login';
}

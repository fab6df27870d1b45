import type { IAM } from '@aws-sdk/client-iam';
import { iamClient, startSandbox } from './sandbox.js';
import type { TestSandbox } from './sandbox.js';

export const ACCOUNT = '111111111111';
export const OTHER_ACCOUNT = '222222222222';
export const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';
export const TAGS = [{ Key: 'a', Value: '1' }];
export const TRUST = trust({ Service: 'ec2.amazonaws.com' });
export const SAML_METADATA = `<EntityDescriptor>${'a'.repeat(1000)}</EntityDescriptor>`;

/** The sandbox of the test file. */
export let sandbox: TestSandbox;
/** A client of the sandbox. */
export let iam: IAM;

/** Starts a sandbox for the test file, and empties it before each test. */
export function useSandbox(): void {
  jest.setTimeout(60_000);
  beforeAll(async () => {
    sandbox = await startSandbox();
    iam = iamClient(sandbox.url);
    // The first run makes the sandbox's Python environment.
  }, 300_000);
  afterAll(() => sandbox.stop());
  beforeEach(() => sandbox.reset());
}

/** Returns a trust policy. */
export function trust(principal: unknown, rest: object = {}): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...rest }],
  });
}

/** Returns an identity policy. */
export function policyOf(...resources: string[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject'], Resource: resources.length === 0 ? ['*'] : resources }],
  });
}

/** Creates a role. */
export const createRole = (RoleName: string, rest: object = {}) =>
  iam.createRole({ RoleName, AssumeRolePolicyDocument: TRUST, ...rest });
/** Creates a user. */
export const createUser = (UserName: string, rest: object = {}) => iam.createUser({ UserName, ...rest });
/** Creates a group. */
export const createGroup = (GroupName: string, rest: object = {}) => iam.createGroup({ GroupName, ...rest });
/** Creates an instance profile. */
export const createInstanceProfile = (InstanceProfileName: string, rest: object = {}) =>
  iam.createInstanceProfile({ InstanceProfileName, ...rest });
/** Creates a managed policy and returns its ARN. */
export const createPolicy = async (PolicyName: string, rest: object = {}) =>
  (await iam.createPolicy({ PolicyName, PolicyDocument: policyOf(), ...rest })).Policy?.Arn ?? '';
/** Returns the ARN of a managed policy. */
export const policyArn = (name: string) => `arn:aws:iam::${ACCOUNT}:policy/${name}`;

/** Returns `accepted`, or status, code and message of the error: `409 EntityAlreadyExists: …`. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { Code, name, message, $metadata } = error as Error & {
      Code?: string;
      $metadata?: { httpStatusCode?: number };
    };
    return `${String($metadata?.httpStatusCode)} ${Code ?? name}: ${message}`;
  }
  return 'accepted';
}

/** Returns the outcomes of concurrent calls. */
export function outcomesOf(calls: readonly Promise<unknown>[]): Promise<string[]> {
  return Promise.all(calls.map(outcomeOf));
}

/** Sends a request that AWS does not have, and returns its status. */
async function control(path: 'quota' | 'in-use' | 'organization' | 'age-keys', body: object): Promise<number> {
  const response = await fetch(`${sandbox.url}/sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) });
  await response.text();
  return response.status;
}

/** Sets a quota of an account. */
export const setQuota = (name: string, value: number, account = ACCOUNT) => control('quota', { account, name, value });
/** Makes a resource use a service-linked role or a server certificate. */
export const setInUse = (name: string, more: object = {}) => control('in-use', { account: ACCOUNT, name, ...more });
/** Refuses an account the features of its organization with an error, or no longer. */
export const setOrganizationError = (error: string | null, account = ACCOUNT) =>
  control('organization', { account, error });
/** Lets the access keys of a user be older. */
export const ageKeys = (userName: string, hours: number) => control('age-keys', { account: ACCOUNT, userName, hours });

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import { awsError } from '../../src/aws/errors.js';
import { parsePlan } from '../../src/client/terraform/plan-file.js';
import type { PlanFileOptions } from '../../src/client/terraform/plan-file.js';
import type { ResourceChange, TerraformPlan } from '../../src/client/terraform/plan.js';
import { strings } from '../../src/engine/json.js';
import { CERTIFICATE, PRIVATE_KEY } from './kind-fixtures/certificates.js';
import { metadataOf } from './kind-fixtures/saml-provider.js';
import { ACCOUNT } from './world.js';

const FOLDER = join(__dirname, '../fixtures/terraform');

/** Returns the path of a plan among the fixtures. */
export function planPath(name: string): string {
  return join(FOLDER, `${name}.json`);
}

/** Returns a plan of the fixtures, in the form in which Terraform prints it. */
export function printedPlan(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(planPath(name), 'utf8')) as Record<string, unknown>;
}

/** Returns a plan of the fixtures. */
export function planOf(name: string, options?: PlanFileOptions): TerraformPlan {
  return parsePlan(`${name}.json`, JSON.stringify(printedPlan(name)), options);
}

/** Values that the provider knows after the apply of what they depend on. */
const KNOWN_AFTER_APPLY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'aws_iam_role_policy.test_policy': { role: 'test_role' },
  'aws_iam_role_policy_attachment.test-attach': { policy_arn: `arn:aws:iam::${ACCOUNT}:policy/test-policy` },
  'aws_iam_policy_attachment.test-attach': { policy_arn: `arn:aws:iam::${ACCOUNT}:policy/test-policy` },
  'module.ci["prod"].aws_iam_role_policy.deploy': { role: 'ci-prod' },
  'aws_iam_role_policy.by_team["web"]': { role: 'team-web' },
};

/** A create as the provider sends it, with the values of a resource. */
type Create = (
  iam: IAM,
  text: (attribute: string) => string,
  list: (attribute: string) => readonly string[],
  optional: (attribute: string) => string | undefined,
) => Promise<unknown>;

/** Puts inline policies that are listed and absent, without a document as the provider does, and deletes the others. */
async function keepOnly(iam: IAM, RoleName: string, listed: readonly string[]): Promise<void> {
  const { PolicyNames = [] } = await iam.listRolePolicies({ RoleName });
  for (const PolicyName of listed.filter((name) => !PolicyNames.includes(name))) {
    await iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: undefined });
  }
  for (const PolicyName of PolicyNames.filter((name) => !listed.includes(name))) {
    await iam.deleteRolePolicy({ RoleName, PolicyName });
  }
}

const CREATES: Readonly<Record<string, Create>> = {
  async aws_iam_role(iam, text, list, optional) {
    await iam.createRole({
      RoleName: text('name'),
      Path: text('path'),
      AssumeRolePolicyDocument: text('assume_role_policy'),
      PermissionsBoundary: optional('permissions_boundary'),
    });
    for (const PolicyArn of list('managed_policy_arns'))
      await iam.attachRolePolicy({ RoleName: text('name'), PolicyArn });
  },
  aws_iam_policy: (iam, text) =>
    iam.createPolicy({ PolicyName: text('name'), Path: text('path'), PolicyDocument: text('policy') }),
  aws_iam_user: (iam, text, _list, optional) =>
    iam.createUser({
      UserName: text('name'),
      Path: text('path'),
      PermissionsBoundary: optional('permissions_boundary'),
    }),
  aws_iam_group: (iam, text) => iam.createGroup({ GroupName: text('name'), Path: text('path') }),
  async aws_iam_instance_profile(iam, text, _list, optional) {
    const InstanceProfileName = text('name');
    await iam.createInstanceProfile({ InstanceProfileName, Path: text('path') });
    const RoleName = optional('role');
    if (RoleName !== undefined) await iam.addRoleToInstanceProfile({ InstanceProfileName, RoleName });
  },
  aws_iam_openid_connect_provider: (iam, text, list) =>
    iam.createOpenIDConnectProvider({
      Url: text('url'),
      ClientIDList: [...list('client_id_list')],
      ThumbprintList: [...list('thumbprint_list')],
    }),
  aws_iam_saml_provider: (iam, text) =>
    iam.createSAMLProvider({ Name: text('name'), SAMLMetadataDocument: metadataOf('fixture') }),
  aws_iam_server_certificate: (iam, text) =>
    iam.uploadServerCertificate({
      ServerCertificateName: text('name'),
      Path: text('path'),
      CertificateBody: CERTIFICATE,
      PrivateKey: PRIVATE_KEY,
    }),
  aws_iam_service_linked_role: (iam, text) => iam.createServiceLinkedRole({ AWSServiceName: text('aws_service_name') }),
  aws_iam_account_alias: (iam, text) => iam.createAccountAlias({ AccountAlias: text('account_alias') }),
  aws_iam_account_password_policy: (iam) => iam.updateAccountPasswordPolicy({ MinimumPasswordLength: 8 }),
  aws_iam_access_key: (iam, text) => iam.createAccessKey({ UserName: text('user') }),
  aws_iam_user_login_profile: (iam, text) =>
    iam.createLoginProfile({ UserName: text('user'), Password: 'Of-a-Test-1234567890!' }),
  aws_iam_virtual_mfa_device: (iam, text) =>
    iam.createVirtualMFADevice({ VirtualMFADeviceName: text('virtual_mfa_device_name'), Path: text('path') }),
  aws_iam_user_ssh_key: (iam, text) =>
    iam.uploadSSHPublicKey({ UserName: text('username'), SSHPublicKeyBody: text('public_key') }),
  aws_iam_signing_certificate: (iam, text) =>
    iam.uploadSigningCertificate({ UserName: text('user_name'), CertificateBody: text('certificate_body') }),
  aws_iam_service_specific_credential: (iam, text) =>
    iam.createServiceSpecificCredential({ UserName: text('user_name'), ServiceName: text('service_name') }),
  aws_iam_role_policy: (iam, text) =>
    iam.putRolePolicy({ RoleName: text('role'), PolicyName: text('name'), PolicyDocument: text('policy') }),
  aws_iam_user_policy: (iam, text) =>
    iam.putUserPolicy({ UserName: text('user'), PolicyName: text('name'), PolicyDocument: text('policy') }),
  aws_iam_group_policy: (iam, text) =>
    iam.putGroupPolicy({ GroupName: text('group'), PolicyName: text('name'), PolicyDocument: text('policy') }),
  aws_iam_role_policy_attachment: (iam, text) =>
    iam.attachRolePolicy({ RoleName: text('role'), PolicyArn: text('policy_arn') }),
  aws_iam_user_policy_attachment: (iam, text) =>
    iam.attachUserPolicy({ UserName: text('user'), PolicyArn: text('policy_arn') }),
  aws_iam_group_policy_attachment: (iam, text) =>
    iam.attachGroupPolicy({ GroupName: text('group'), PolicyArn: text('policy_arn') }),
  aws_iam_role_policies_exclusive: (iam, text, list) => keepOnly(iam, text('role_name'), list('policy_names')),
  aws_iam_role_policy_attachments_exclusive: (iam, text, list) =>
    Promise.all(
      list('policy_arns').map((PolicyArn) => iam.attachRolePolicy({ RoleName: text('role_name'), PolicyArn })),
    ),
  aws_iam_policy_attachment: (iam, text, list) =>
    Promise.all([
      ...list('roles').map((RoleName) => iam.attachRolePolicy({ RoleName, PolicyArn: text('policy_arn') })),
      ...list('users').map((UserName) => iam.attachUserPolicy({ UserName, PolicyArn: text('policy_arn') })),
      ...list('groups').map((GroupName) => iam.attachGroupPolicy({ GroupName, PolicyArn: text('policy_arn') })),
    ]),
  aws_iam_user_group_membership: (iam, text, list) =>
    Promise.all(list('groups').map((GroupName) => iam.addUserToGroup({ GroupName, UserName: text('user') }))),
  aws_iam_group_membership: (iam, text, list) =>
    Promise.all(list('users').map((UserName) => iam.addUserToGroup({ GroupName: text('group'), UserName }))),
};

/** Updates and deletions, as far as the tests need them. */
const RENAMES: Readonly<Record<string, (iam: IAM, from: string, to: string) => Promise<unknown>>> = {
  aws_iam_user: (iam, UserName, NewUserName) => iam.updateUser({ UserName, NewUserName }),
  aws_iam_group: (iam, GroupName, NewGroupName) => iam.updateGroup({ GroupName, NewGroupName }),
};

const DELETIONS: Readonly<Record<string, Create>> = {
  aws_iam_role: (iam, text) => iam.deleteRole({ RoleName: text('name') }),
  aws_iam_user: (iam, text) => iam.deleteUser({ UserName: text('name') }),
  aws_iam_role_policy: (iam, text) => iam.deleteRolePolicy({ RoleName: text('role'), PolicyName: text('name') }),
};

/** Reports whether a resource is one that this file can create. */
export function canCreate({ type }: Pick<ResourceChange, 'type'>): boolean {
  return Object.hasOwn(CREATES, type);
}

/**
 * Sends the create of a resource, as the provider does.
 *
 * @returns AWS's error code, or null where AWS accepts it
 */
export async function sendCreate(
  iam: IAM,
  { address, type, after }: Pick<ResourceChange, 'address' | 'type' | 'after'>,
): Promise<string | null> {
  const [text, list, optional] = readersOf(address, { ...after, ...KNOWN_AFTER_APPLY[address] });
  return codeOf(CREATES[type]?.(iam, text, list, optional));
}

/**
 * Sends what a plan does at one address, in the order of its actions.
 *
 * @returns AWS's error code for the create or the rename, or null where AWS accepts it
 */
export async function sendChange(iam: IAM, change: ResourceChange): Promise<string | null> {
  const { address, type, actions, before, after } = change;
  const [text, list, optional] = readersOf(address, before);
  let answer: string | null = null;
  for (const action of actions) {
    if (action === 'create') answer = await sendCreate(iam, change);
    else if (action === 'update') {
      const [textAfter] = readersOf(address, after);
      answer = await codeOf(RENAMES[type]?.(iam, text('name'), textAfter('name')));
    } else if (action === 'delete' && answer === null) await DELETIONS[type]?.(iam, text, list, optional);
  }
  return answer;
}

/** Returns readers for the values of a resource. */
function readersOf(address: string, values: ResourceChange['after']) {
  const text = (attribute: string): string => {
    const value = values[attribute];
    if (typeof value !== 'string') throw new Error(`${address} has no ${attribute}`);
    return value;
  };
  const optional = (attribute: string): string | undefined => strings([values[attribute] ?? null])[0];
  return [text, (attribute: string): readonly string[] => strings(values[attribute]), optional] as const;
}

async function codeOf(call: Promise<unknown> | undefined): Promise<string | null> {
  try {
    await call;
    return null;
  } catch (error) {
    return awsError(error).code;
  }
}

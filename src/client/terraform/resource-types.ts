import { HeldSet } from '../../contract/look-up.js';
import { boundary, needed } from './needs.js';
import type { ResourceChange } from './plan.js';
import {
  all,
  attachment,
  byArn,
  byName,
  composed,
  credential,
  exclusive,
  inlinePolicy,
  named,
  one,
  partOf,
  policyAttachment,
  type ResourceType,
  setting,
} from './resource-forms.js';

/** Returns the user in the name of one of its credentials: `alice/0123456789abcdef`. */
function userIn(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/**
 * The resource types of the AWS provider, versions 5 and 6, that create anything in IAM. The pages of the provider's
 * documentation are named in the test of the import IDs.
 */
export const RESOURCE_TYPES: Readonly<Record<string, ResourceType>> = {
  aws_iam_role: named('Role', 'roleName', 'CreateRole', {
    hasOptionalName: true,
    needs: (values) => [
      ...boundary('CreateRole', values),
      ...(values.texts('managed_policy_arns') ?? []).flatMap((arn) =>
        needed('AttachRolePolicy', 'managedPolicyArns', arn),
      ),
    ],
  }),
  aws_iam_policy: named('Policy', 'policyName', 'CreatePolicy', { importId: byArn, hasOptionalName: true }),
  aws_iam_user: named('User', 'userName', 'CreateUser', {
    movedBy: 'UpdateUser',
    needs: (values) => boundary('CreateUser', values),
  }),
  aws_iam_group: named('Group', 'groupName', 'CreateGroup', { movedBy: 'UpdateGroup' }),
  aws_iam_instance_profile: named('InstanceProfile', 'instanceProfileName', 'CreateInstanceProfile', {
    hasOptionalName: true,
    needs(values) {
      const role = values.link('role');
      return typeof role === 'string' ? needed('AddRoleToInstanceProfile', HeldSet.AttachedTo, `Role/${role}`) : [];
    },
  }),
  aws_iam_server_certificate: named('ServerCertificate', 'serverCertificateName', 'UploadServerCertificate', {
    hasOptionalName: true,
    unreadable: ['private_key'],
  }),
  aws_iam_openid_connect_provider: composed(
    'OpenIDConnectProvider',
    'CreateOpenIDConnectProvider',
    { url: 'url' },
    { importId: byArn },
  ),
  aws_iam_saml_provider: composed('SAMLProvider', 'CreateSAMLProvider', { name: 'name' }, { importId: byArn }),
  aws_iam_service_linked_role: composed(
    'ServiceLinkedRole',
    'CreateServiceLinkedRole',
    { awsServiceName: 'aws_service_name', customSuffix: 'custom_suffix' },
    { code: 'InvalidInput', importId: byArn },
  ),
  aws_iam_virtual_mfa_device: composed(
    'VirtualMFADevice',
    'CreateVirtualMFADevice',
    { virtualMfaDeviceName: 'virtual_mfa_device_name', path: 'path' },
    { importId: byArn },
  ),
  aws_iam_user_login_profile: composed(
    'LoginProfile',
    'CreateLoginProfile',
    { userName: 'user' },
    { importId: byName, unreadable: ['password_length', 'password_reset_required', 'pgp_key'] },
  ),
  aws_iam_signing_certificate: composed(
    'SigningCertificate',
    'UploadSigningCertificate',
    { userName: 'user_name', certificateBody: 'certificate_body' },
    {
      perUser: 2,
      code: 'DuplicateCertificate',
      uniquePart: (name) => name.slice(name.lastIndexOf('/') + 1),
      note: 'AWS takes a certificate once in an account: whether another user has it was not read',
      importId: ({ id }, { name }) => `${id ?? ''}:${userIn(name)}`,
    },
  ),
  aws_iam_user_ssh_key: composed(
    'SSHPublicKey',
    'UploadSSHPublicKey',
    { userName: 'username', sshPublicKeyBody: 'public_key' },
    {
      perUser: 5,
      code: 'DuplicateSSHPublicKey',
      importId: ({ id }, { name }, values) => `${userIn(name)}:${id ?? ''}:${values.text('encoding') ?? 'SSH'}`,
    },
  ),
  aws_iam_access_key: credential('AccessKey', 'CreateAccessKey', { user: 'user' }),
  aws_iam_service_specific_credential: credential('ServiceSpecificCredential', 'CreateServiceSpecificCredential', {
    user: 'user_name',
    service: 'service_name',
  }),

  aws_iam_role_policy: inlinePolicy('role'),
  aws_iam_user_policy: inlinePolicy('user'),
  aws_iam_group_policy: inlinePolicy('group'),
  aws_iam_role_policy_attachment: attachment('role'),
  aws_iam_user_policy_attachment: attachment('user'),
  aws_iam_group_policy_attachment: attachment('group'),
  aws_iam_policy_attachment: policyAttachment,
  aws_iam_role_policies_exclusive: exclusive('role', 'inlinePolicies'),
  aws_iam_user_policies_exclusive: exclusive('user', 'inlinePolicies'),
  aws_iam_group_policies_exclusive: exclusive('group', 'inlinePolicies'),
  aws_iam_role_policy_attachments_exclusive: exclusive('role', 'managedPolicyArns'),
  aws_iam_user_policy_attachments_exclusive: exclusive('user', 'managedPolicyArns'),
  aws_iam_group_policy_attachments_exclusive: exclusive('group', 'managedPolicyArns'),
  aws_iam_user_group_membership: partOf(
    'user',
    'AddUserToGroup',
    {
      attribute: 'user',
      ifPresent: 'nothing',
      isShareable: true,
      perUser: 10,
      importId: ({ name }, { members }) => [name, ...(members[HeldSet.Groups] ?? [])].join('/'),
    },
    (values) => all(HeldSet.Groups, values.texts('groups')),
  ),
  aws_iam_group_membership: partOf(
    'group',
    'AddUserToGroup',
    { attribute: 'group', ifPresent: 'excludes' },
    (values) => all('users', values.texts('users')),
    { users: [] },
  ),

  aws_iam_account_alias: setting(
    'AccountAlias',
    'CreateAccountAlias',
    {
      ifPresent: 'refused',
      importId: (_found, { members }) => members['accountAliases']?.[0] ?? null,
      note: 'an alias is unique among all AWS accounts: AWS also refuses one that another account has, which no read shows',
    },
    (values) => one('accountAliases', values.text('account_alias')),
  ),
  aws_iam_account_password_policy: setting('AccountPasswordPolicy', 'UpdateAccountPasswordPolicy', {
    ifPresent: 'overwrites',
    importId: () => 'iam-account-password-policy',
  }),
};

/** Resource types that only set what an account always has. Their creates meet nothing. */
export const SETTINGS: ReadonlySet<string> = new Set([
  'aws_iam_organizations_features',
  'aws_iam_outbound_web_identity_federation',
  'aws_iam_security_token_service_preferences',
]);

/** Reports whether a plan gives an entity another name in place. AWS takes another case of its name as the same one. */
export function isRenamed({ type, actions, before, after, afterUnknown }: ResourceChange): boolean {
  if (RESOURCE_TYPES[type]?.movedBy === undefined || !actions.includes('update')) return false;
  const { name: old } = before;
  const { name } = after;
  if (typeof old !== 'string') return false;
  return afterUnknown['name'] === true || (typeof name === 'string' && name.toLowerCase() !== old.toLowerCase());
}

/** Reports whether a plan gives a name to an entity: by a create, or by a rename in place. */
export function makesName(change: ResourceChange): boolean {
  return change.actions.includes('create') || isRenamed(change);
}

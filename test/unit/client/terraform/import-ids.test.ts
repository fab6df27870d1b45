import { blocksOf } from '../../../../src/client/terraform/blocks.js';
import { compareTerraformPlans } from '../../../../src/client/terraform/preflight.js';
import { predict } from '../../../../src/client/terraform/predict.js';
import { parsePlan } from '../../../../src/client/terraform/plan-file.js';
import { RESOURCE_TYPES } from '../../../../src/client/terraform/resource-types.js';
import type { JsonObject } from '../../../../src/contract/entity.js';
import { HeldSet, type LookedUp } from '../../../../src/contract/look-up.js';
import type { Finding } from '../../../../src/contract/preflight.js';
import { ABSENT } from '../../../support/look-ups.js';

const ACCOUNT = '123456789012';
const FOUND: LookedUp = { ...ABSENT, status: 'present' };
const SSH_KEY =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQD3F6tyPEFEzV0LX3X8BsXdMsQz1x2cEikKDEY0aIj41qgxMCP/iteneqXSIFZBp5vizPvaoIR3Um9xK7PGoW8giupGn+EPuxIA4cDM4vzOqOkiMPhz5XK0whEjkVzTo4+S0puvDZuwIsdiW9mxhJc7tgBNL0cYlWSYVkz4G/fslNfRPW5mYAM49f4fhtxPb5ok4Q2Lg9dPKVHO/Bgeu5woMc7RY0p1ej6D4CKFE6lymSDJpW0YHX/wqE9+cfEauh7xZcG0q9t2ta6F6fmX0agvpFyZo8aFbXeUBr7osSCJNgvavWbM/06niWrOvYX2xwWdhXmXSrbX8ZbabVohBK41';

/** Predicts the create of one resource of the root module. */
function predictOne(type: string, values: JsonObject, found: Partial<LookedUp>, ordinal = 1): Finding {
  const plan = parsePlan(
    'plan.json',
    JSON.stringify({
      format_version: '1.2',
      resource_changes: [
        {
          address: `${type}.example`,
          mode: 'managed',
          type,
          name: 'example',
          change: { actions: ['create'], before: null, after: values, after_unknown: {} },
        },
      ],
    }),
  );
  const { plans } = compareTerraformPlans([plan], { target: { account: ACCOUNT, partition: 'aws' } });
  const [item] = plans[0]?.creates ?? [];
  if (item === undefined) throw new Error('the plan has no create');
  return predict(item, { ...FOUND, ...found }, { ordinal });
}

function has(set: string, ...present: string[]): LookedUp['members'] {
  return { [set]: { present, others: [], omitted: 0 } };
}

const arn = (resource: string): string => `arn:aws:iam::${ACCOUNT}:${resource}`;
const CERTIFICATE = 'anything';

/**
 * By resource type: its values, what the account has, and the ID that the section "Import" of its page gives as an example.
 * The page is website/docs/r/NAME.html.markdown of hashicorp/terraform-provider-aws, NAME without `aws_`.
 */
const DOCUMENTED: Readonly<Record<string, readonly [values: JsonObject, found: Partial<LookedUp>, importId: string]>> =
  {
    // iam_role: "import IAM Roles using the `name`"
    aws_iam_role: [{ name: 'developer_name', path: '/' }, { name: 'developer_name', path: '/' }, 'developer_name'],
    // iam_policy: "using the `arn`"
    aws_iam_policy: [
      { name: 'UsersManageOwnCredentials', path: '/' },
      { name: 'UsersManageOwnCredentials', path: '/', arn: arn('policy/UsersManageOwnCredentials') },
      arn('policy/UsersManageOwnCredentials'),
    ],
    // iam_user: "using the `name`"
    aws_iam_user: [
      { name: 'loadbalancer', path: '/system/' },
      { name: 'loadbalancer', path: '/system/' },
      'loadbalancer',
    ],
    // iam_group: "using the `name`"
    aws_iam_group: [{ name: 'developers', path: '/users/' }, { name: 'developers', path: '/users/' }, 'developers'],
    // iam_instance_profile: "using the `name`"
    aws_iam_instance_profile: [
      { name: 'app-instance-profile-1', path: '/' },
      { name: 'app-instance-profile-1', path: '/' },
      'app-instance-profile-1',
    ],
    // iam_server_certificate: "using the `name`"
    aws_iam_server_certificate: [
      { name: 'example.com-certificate-until-2018', path: '/' },
      { name: 'example.com-certificate-until-2018', path: '/' },
      'example.com-certificate-until-2018',
    ],
    // iam_openid_connect_provider: "using the `arn`"
    aws_iam_openid_connect_provider: [
      { url: 'https://accounts.google.com' },
      { name: 'accounts.google.com', arn: arn('oidc-provider/accounts.google.com') },
      arn('oidc-provider/accounts.google.com'),
    ],
    // iam_saml_provider: "using the `arn`"
    aws_iam_saml_provider: [
      { name: 'SAMLADFS' },
      { name: 'SAMLADFS', arn: arn('saml-provider/SAMLADFS') },
      arn('saml-provider/SAMLADFS'),
    ],
    // iam_service_linked_role: "using role ARN"
    aws_iam_service_linked_role: [
      { aws_service_name: 'elasticbeanstalk.amazonaws.com', custom_suffix: null },
      {
        name: 'elasticbeanstalk.amazonaws.com',
        arn: arn('role/aws-service-role/elasticbeanstalk.amazonaws.com/AWSServiceRoleForElasticBeanstalk'),
      },
      arn('role/aws-service-role/elasticbeanstalk.amazonaws.com/AWSServiceRoleForElasticBeanstalk'),
    ],
    // iam_virtual_mfa_device: "using the `arn`"
    aws_iam_virtual_mfa_device: [
      { virtual_mfa_device_name: 'example', path: '/' },
      { name: 'example', arn: arn('mfa/example') },
      arn('mfa/example'),
    ],
    // iam_user_login_profile: "without password information support via the IAM User name"
    aws_iam_user_login_profile: [{ user: 'myusername' }, { name: 'myusername' }, 'myusername'],
    // iam_user_ssh_key: "using the `username`, `ssh_public_key_id`, and `encoding`"
    aws_iam_user_ssh_key: [
      { username: 'user', encoding: 'SSH', public_key: SSH_KEY },
      { name: 'user/0', id: 'APKAJNCNNJICVN7CFKCA' },
      'user:APKAJNCNNJICVN7CFKCA:SSH',
    ],
    // iam_account_alias: "using the `account_alias`"
    aws_iam_account_alias: [
      { account_alias: 'my-account-alias' },
      { members: has('accountAliases', 'my-account-alias') },
      'my-account-alias',
    ],
    // iam_account_password_policy: "using the word `iam-account-password-policy`"
    aws_iam_account_password_policy: [
      { minimum_password_length: 8 },
      { name: 'account' },
      'iam-account-password-policy',
    ],
    // iam_role_policy: "using the `role_name:role_policy_name`"
    aws_iam_role_policy: [
      { role: 'role_of_mypolicy_name', name: 'mypolicy_name' },
      { name: 'role_of_mypolicy_name', members: has('inlinePolicies', 'mypolicy_name') },
      'role_of_mypolicy_name:mypolicy_name',
    ],
    // iam_user_policy: "using the `user_name:user_policy_name`"
    aws_iam_user_policy: [
      { user: 'user_of_mypolicy_name', name: 'mypolicy_name' },
      { name: 'user_of_mypolicy_name', members: has('inlinePolicies', 'mypolicy_name') },
      'user_of_mypolicy_name:mypolicy_name',
    ],
    // iam_group_policy: "using the `group_name:group_policy_name`"
    aws_iam_group_policy: [
      { group: 'group_of_mypolicy_name', name: 'mypolicy_name' },
      { name: 'group_of_mypolicy_name', members: has('inlinePolicies', 'mypolicy_name') },
      'group_of_mypolicy_name:mypolicy_name',
    ],
    // iam_role_policy_attachment: "using the role name and policy arn separated by `/`"
    aws_iam_role_policy_attachment: [
      { role: 'test-role', policy_arn: arn('policy/test-policy') },
      { name: 'test-role', members: has('managedPolicyArns', arn('policy/test-policy')) },
      `test-role/${arn('policy/test-policy')}`,
    ],
    // iam_user_policy_attachment: "using the user name and policy arn separated by `/`"
    aws_iam_user_policy_attachment: [
      { user: 'test-user', policy_arn: arn('policy/test-policy') },
      { name: 'test-user', members: has('managedPolicyArns', arn('policy/test-policy')) },
      `test-user/${arn('policy/test-policy')}`,
    ],
    // iam_group_policy_attachment: "using the group name and policy arn separated by `/`"
    aws_iam_group_policy_attachment: [
      { group: 'test-group', policy_arn: arn('policy/test-policy') },
      { name: 'test-group', members: has('managedPolicyArns', arn('policy/test-policy')) },
      `test-group/${arn('policy/test-policy')}`,
    ],
    // iam_user_group_membership: "using the user name and group names separated by `/`"
    aws_iam_user_group_membership: [
      { user: 'user1', groups: ['group1', 'group2'] },
      { name: 'user1', members: has(HeldSet.Groups, 'group1', 'group2') },
      'user1/group1/group2',
    ],
    // iam_ROLE_policies_exclusive and iam_ROLE_policy_attachments_exclusive: "using the `role_name`", `user_name`, `group_name`
    ...Object.fromEntries<readonly [JsonObject, Partial<LookedUp>, string]>(
      ['role', 'user', 'group'].flatMap((holder): [string, readonly [JsonObject, Partial<LookedUp>, string]][] => [
        [
          `aws_iam_${holder}_policies_exclusive`,
          [
            { [`${holder}_name`]: 'MyName', policy_names: ['a'] },
            { name: 'MyName', members: has('inlinePolicies', 'a') },
            'MyName',
          ],
        ],
        [
          `aws_iam_${holder}_policy_attachments_exclusive`,
          [
            { [`${holder}_name`]: 'MyName', policy_arns: [arn('policy/a')] },
            { name: 'MyName', members: has('managedPolicyArns', arn('policy/a')) },
            'MyName',
          ],
        ],
      ]),
    ),
  };

/** Resource types that are not imported, and why. */
const NOT_IMPORTED: Readonly<Record<string, string>> = {
  aws_iam_access_key: 'the secret "cannot be read from the IAM API", and nothing tells which key would be meant',
  aws_iam_service_specific_credential: 'its password is shown once, and nothing tells which credential would be meant',
  aws_iam_policy_attachment: 'its page has no section "Import"',
  aws_iam_group_membership: 'its page has no section "Import"',
};

test.each(Object.entries(DOCUMENTED))('%s is imported as its page says', (type, [values, found, importId]) => {
  const finding = predictOne(type, values, found);
  expect([finding.address, finding.importId]).toEqual([`${type}.example`, importId]);
  expect(blocksOf([finding])).toContain(`import {\n  to = ${type}.example\n  id = "${importId}"\n}`);
});

test('iam_signing_certificate: "using the `id`", as IDIDIDIDID:user-name', () => {
  const found = { ...FOUND, name: 'user-name/0', id: 'IDIDIDIDID' };
  const subject = { name: 'user-name/0', spec: { userName: 'user-name' }, members: {} };
  const values = { text: () => undefined, link: () => undefined, texts: () => [] };
  expect(RESOURCE_TYPES['aws_iam_signing_certificate']?.importId?.(found, subject, values)).toBe(
    'IDIDIDIDID:user-name',
  );
  // A body that is no certificate has no name to look for.
  const [item] =
    compareTerraformPlans(
      [
        parsePlan(
          'plan.json',
          JSON.stringify({
            format_version: '1.2',
            resource_changes: [
              {
                address: 'aws_iam_signing_certificate.example',
                type: 'aws_iam_signing_certificate',
                name: 'example',
                change: { actions: ['create'], after: { user_name: 'user-name', certificate_body: CERTIFICATE } },
              },
            ],
          }),
        ),
      ],
      {},
    ).plans[0]?.creates ?? [];
  expect(item?.unknownBecause).toBe('its content cannot be read');
});

test('every other resource type is not imported, for a reason', () => {
  const others = Object.keys(RESOURCE_TYPES).filter(
    (type) => !Object.hasOwn(DOCUMENTED, type) && type !== 'aws_iam_signing_certificate',
  );
  expect(others.sort()).toEqual(Object.keys(NOT_IMPORTED).sort());
  for (const type of others) expect([type, RESOURCE_TYPES[type]?.importId]).toEqual([type, undefined]);
});

test('a user’s credentials are counted: the second create has less room', () => {
  const found = { members: { [HeldSet.Credentials]: { present: [], others: ['AKIA1'], omitted: 0 } } };
  const first = predictOne('aws_iam_access_key', { user: 'alice' }, found, 1);
  const second = predictOne('aws_iam_access_key', { user: 'alice' }, found, 2);
  expect([first.verdict, second.verdict, second.error]).toEqual([
    'create',
    'limit',
    { operation: 'CreateAccessKey', code: 'LimitExceeded' },
  ]);
});

test('an alias that another one would replace is named', () => {
  const members = { accountAliases: { present: [], others: ['present-alias'], omitted: 0 } };
  const finding = predictOne('aws_iam_account_alias', { account_alias: 'my-account-alias' }, { members });
  expect(finding).toMatchObject({
    verdict: 'overwrite',
    error: null,
    reason: 'an account has one alias, and it replaces present-alias',
  });
});

test('a block quotes keys and IDs so that HCL reads no template in them', () => {
  const finding = { ...predictOne('aws_iam_role', { name: 'a' }, { name: 'a', path: '/' }), importId: 'a${b}%{c}"\\' };
  expect(blocksOf([finding])).toContain('id = "a$${b}%%{c}\\"\\\\"');
});

test.each([
  // iam_server_certificate: private_key replaces the certificate, and no read returns it.
  ['aws_iam_server_certificate', { name: 'example' }, 'private_key'],
  // iam_user_login_profile: its section "Import" names the three arguments.
  ['aws_iam_user_login_profile', { user: 'example' }, 'password_length, password_reset_required, pgp_key'],
])('an import of %s says which arguments to ignore, in the finding and beside its block', (type, values, ignored) => {
  const note = `an import alone would replace it, because AWS does not show its secret: add lifecycle { ignore_changes = [${ignored}] } to the resource first`;
  const finding = predictOne(type, values, { name: 'example', path: '/' });
  expect([finding.verdict, finding.notes]).toEqual(['import', [note]]);
  expect(blocksOf([finding])).toContain(`# ${finding.reason}\n# ${note}\nimport {`);
  expect(predictOne('aws_iam_role', { name: 'example' }, { name: 'example', path: '/' }).notes).toEqual([]);
});

test('an entity of another owner is not imported, and its block is there as a comment', () => {
  const finding = predictOne('aws_iam_role', { name: 'a' }, { name: 'a', path: '/', owner: 'Pulumi stack "x\ny"' });
  const file = blocksOf([finding]);
  expect(file).toContain('# Not imported: it belongs to Pulumi stack "x y".');
  expect(file).toContain('# import {\n#   to = aws_iam_role.example\n#   id = "a"\n# }');
  expect(file).not.toMatch(/^import/m);
});

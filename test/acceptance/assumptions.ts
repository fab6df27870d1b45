import type { Operation } from '../../src/aws/operations.js';
import { NO_BUCKET } from './documents.js';

/** One call of an assumption: an operation with the SDK's input. `<p>` stands for the start of the run's names. */
export interface ProbeCall {
  readonly operation: Operation;
  readonly input: Readonly<Record<string, unknown>>;
}

/** The answer to a call. */
export interface Answer {
  readonly status: number;
  /** The code of the error; null for a success. */
  readonly code: string | null;
  /** The members of the output that the assumption is about. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Something that iam-bootstrap or its sandbox believes of IAM. It is data, so that a report can be replayed. */
export interface Assumption {
  readonly id: string;
  readonly statement: string;
  /** The file of the project that relies on it. */
  readonly source: string;
  /** Calls that come first. All have to succeed. */
  readonly setup: readonly ProbeCall[];
  readonly request: ProbeCall;
  readonly expected: Answer;
  /** A part of the error's message that the code relies on. */
  readonly message?: string;
}

const call = (operation: Operation, input: Readonly<Record<string, unknown>> = {}): ProbeCall => ({ operation, input });
const ok = (members?: Readonly<Record<string, unknown>>): Answer => ({
  status: 200,
  code: null,
  ...(members === undefined ? {} : { members }),
});
const error = (status: number, code: string): Answer => ({ status, code });
const policy = (statement: object): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] });

const NOTHING = `arn:<partition>:s3:::${NO_BUCKET}/*`;
/** Only a caller with the external ID of the run can assume a role. */
const trust = (Principal: object, Action: string | readonly string[] = 'sts:AssumeRole'): string =>
  policy({ Principal, Action, Condition: { StringEquals: { 'sts:ExternalId': '<external-id>' } } });

const TRUST = trust({ Service: 'ec2.amazonaws.com' });
const READ = policy({ Action: 's3:ListBucket', Resource: NOTHING });
const THUMBPRINTS = { ThumbprintList: ['a'.repeat(40)] };
const role = (name: string, more: object = {}): ProbeCall =>
  call('CreateRole', { RoleName: `<p>${name}`, AssumeRolePolicyDocument: TRUST, ...more });
const user = (name: string, more: object = {}): ProbeCall => call('CreateUser', { UserName: `<p>${name}`, ...more });
const group = (name: string, more: object = {}): ProbeCall => call('CreateGroup', { GroupName: `<p>${name}`, ...more });
const managed = (name: string, more: object = {}): ProbeCall =>
  call('CreatePolicy', { PolicyName: `<p>${name}`, PolicyDocument: READ, ...more });
const profile = (name: string, more: object = {}): ProbeCall =>
  call('CreateInstanceProfile', { InstanceProfileName: `<p>${name}`, ...more });
const provider = (name: string, more: object = {}): ProbeCall =>
  call('CreateOpenIDConnectProvider', { Url: `https://tokens.example.com/<p>${name}`, ...THUMBPRINTS, ...more });
const policyArn = (name: string): string => `arn:<partition>:iam::<account>:policy/<p>${name}`;
const providerArn = (name: string): string =>
  `arn:<partition>:iam::<account>:oidc-provider/tokens.example.com/<p>${name}`;
const tags = (...pairs: readonly (readonly [string, string])[]) => ({
  Tags: pairs.map(([Key, Value]) => ({ Key, Value })),
});
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
/** A document with a lot of white space. */
const spaced = (document: string, length: number): string => document.replace('{', `{${' '.repeat(length)}`);
/** A document with about as many characters. */
const long = (length: number): string =>
  policy({
    Action: 's3:GetObject',
    Resource: times(Math.ceil(length / 100), (index) => `${NOTHING}${String(index).padStart(82, 'b')}`),
  });

const KINDS = 'docs/kinds.md';
const ROLES = 'sandbox/strict_iam/roles.py';
const USERS = 'sandbox/strict_iam/users_and_groups.py';
const POLICIES = 'sandbox/strict_iam/policies.py';
const FEDERATION = 'sandbox/strict_iam/federation.py';
const CREDENTIALS = 'sandbox/strict_iam/credentials.py';
const QUOTAS = 'sandbox/strict_iam/quotas.py';
const PRINCIPALS = 'sandbox/strict_iam/principals.py';
const DOCUMENTS = 'sandbox/strict_iam/documents.py';
const TAGGING = 'sandbox/strict_iam/tagging.py';
const MODEL = 'sandbox/strict_iam/model.py';
const LINKED = 'sandbox/strict_iam/service_linked_roles.py';
const MFA = 'sandbox/strict_iam/mfa.py';
const VIEWS = 'sandbox/strict_iam/views.py';
const ENGINE = 'docs/failures.md';
const AUTOSCALING = 'autoscaling.amazonaws.com';

const EXISTS = error(409, 'EntityAlreadyExists');
const CONFLICT = error(409, 'DeleteConflict');
const LIMIT = error(409, 'LimitExceeded');
const MALFORMED = error(400, 'MalformedPolicyDocument');
const INVALID = error(400, 'InvalidInput');
const VALIDATION = error(400, 'ValidationError');
const ABSENT = error(404, 'NoSuchEntity');

type Row = readonly [
  id: string,
  statement: string,
  source: string,
  setup: readonly ProbeCall[],
  request: ProbeCall,
  expected: Answer,
  message?: string,
];

const ROWS: readonly Row[] = [
  // A second Create.
  ['E01', 'a role that exists is not created again', KINDS, [role('e01')], role('e01'), EXISTS],
  ['E02', 'role names are compared without case', KINDS, [role('e02')], role('E02'), EXISTS],
  ['E03', 'a path does not make another role', KINDS, [role('e03')], role('e03', { Path: '/other/' }), EXISTS],
  ['E04', 'a user that exists is not created again', KINDS, [user('e04')], user('e04'), EXISTS],
  ['E05', 'user names are compared without case', KINDS, [user('e05')], user('E05'), EXISTS],
  ['E06', 'a group that exists is not created again', KINDS, [group('e06')], group('e06'), EXISTS],
  ['E07', 'group names are compared without case', KINDS, [group('e07')], group('E07'), EXISTS],
  ['E08', 'a policy that exists is not created again', KINDS, [managed('e08')], managed('e08'), EXISTS],
  ['E09', 'policy names are compared without case', KINDS, [managed('e09')], managed('E09'), EXISTS],
  ['E10', 'a path does not make another policy', KINDS, [managed('e10')], managed('e10', { Path: '/other/' }), EXISTS],
  ['E11', 'an instance profile that exists is not created again', KINDS, [profile('e11')], profile('e11'), EXISTS],
  ['E12', 'instance profile names are compared without case', KINDS, [profile('e12')], profile('E12'), EXISTS],
  ['E13', 'an OIDC provider that exists is not created again', FEDERATION, [provider('e13')], provider('e13'), EXISTS],
  [
    'E14',
    'a second role in an instance profile exceeds its quota',
    QUOTAS,
    [role('e14'), role('e14-b'), profile('e14'), addRole('e14', 'e14')],
    addRole('e14', 'e14-b'),
    LIMIT,
  ],
  [
    'E15',
    'a service-linked role that exists is refused as invalid input, with a message',
    LINKED,
    [linkedRole('e15')],
    linkedRole('e15'),
    INVALID,
    'has been taken in this account',
  ],
  [
    'E16',
    'a second login profile is refused',
    'sandbox/strict_iam/passwords.py',
    [user('e16'), login('e16')],
    login('e16'),
    EXISTS,
  ],
  ['E17', 'a virtual MFA device that exists is not created again', MFA, [device('e17')], device('e17'), EXISTS],
  // Deletion.
  [
    'D01',
    'a role with an inline policy is not deleted',
    ROLES,
    [role('d01'), inline('d01')],
    deleteRole('d01'),
    CONFLICT,
  ],
  [
    'D02',
    'a role in an instance profile is not deleted',
    ROLES,
    [role('d02'), profile('d02'), addRole('d02', 'd02')],
    deleteRole('d02'),
    CONFLICT,
  ],
  [
    'D03',
    'a policy that is attached is not deleted',
    POLICIES,
    [managed('d03'), role('d03'), attach('d03', 'd03')],
    deletePolicy('d03'),
    CONFLICT,
  ],
  [
    'D04',
    'a policy with other versions is not deleted',
    POLICIES,
    [managed('d04'), version('d04')],
    deletePolicy('d04'),
    CONFLICT,
  ],
  [
    'D05',
    'a user with an access key is not deleted',
    USERS,
    [user('d05'), accessKey('d05')],
    deleteUser('d05'),
    CONFLICT,
  ],
  [
    'D06',
    'a user in a group is not deleted',
    USERS,
    [user('d06'), group('d06'), member('d06')],
    deleteUser('d06'),
    CONFLICT,
  ],
  [
    'D07',
    'a group with a member is not deleted',
    USERS,
    [user('d07'), group('d07'), member('d07')],
    call('DeleteGroup', { GroupName: '<p>d07' }),
    CONFLICT,
  ],
  ['D08', 'a role that is missing cannot be deleted', ENGINE, [], deleteRole('d08'), ABSENT],
  [
    'D09',
    'an OIDC provider that is missing can be deleted',
    FEDERATION,
    [],
    call('DeleteOpenIDConnectProvider', { OpenIDConnectProviderArn: providerArn('d09') }),
    ok(),
  ],
  // Writes that are repeated.
  [
    'R01',
    'attaching a policy twice succeeds',
    ENGINE,
    [managed('r01'), role('r01'), attach('r01', 'r01')],
    attach('r01', 'r01'),
    ok(),
  ],
  [
    'R02',
    'detaching a policy that is not attached is NoSuchEntity',
    ENGINE,
    [managed('r02'), role('r02')],
    call('DetachRolePolicy', { RoleName: '<p>r02', PolicyArn: policyArn('r02') }),
    ABSENT,
  ],
  ['R03', 'adding a member twice succeeds', ENGINE, [user('r03'), group('r03'), member('r03')], member('r03'), ok()],
  [
    'R04',
    'adding a client ID twice succeeds',
    FEDERATION,
    [provider('r04', { ClientIDList: ['one'] })],
    call('AddClientIDToOpenIDConnectProvider', { OpenIDConnectProviderArn: providerArn('r04'), ClientID: 'one' }),
    ok(),
  ],
  [
    'R05',
    'removing a client ID that is missing succeeds',
    FEDERATION,
    [provider('r05', { ClientIDList: ['one'] })],
    call('RemoveClientIDFromOpenIDConnectProvider', { OpenIDConnectProviderArn: providerArn('r05'), ClientID: 'two' }),
    ok(),
  ],
  [
    'R06',
    'an OIDC provider keeps the case of its client IDs',
    FEDERATION,
    [provider('r06', { ClientIDList: ['One'] })],
    call('GetOpenIDConnectProvider', { OpenIDConnectProviderArn: providerArn('r06') }),
    ok({ ClientIDList: ['One'] }),
  ],
  [
    'R07',
    'UpdateRole keeps the description that is not sent',
    ROLES,
    [role('r07', { Description: 'kept' }), call('UpdateRole', { RoleName: '<p>r07', MaxSessionDuration: 7200 })],
    getRole('r07'),
    ok({ 'Role.Description': 'kept' }),
  ],
  [
    'R08',
    'UpdateRole keeps the session duration that is not sent',
    ROLES,
    [role('r08', { MaxSessionDuration: 7200 }), call('UpdateRole', { RoleName: '<p>r08', Description: 'new' })],
    getRole('r08'),
    ok({ 'Role.MaxSessionDuration': 7200 }),
  ],
  // Documents.
  [
    'P01',
    'a trust policy with a role that is missing is an invalid principal',
    PRINCIPALS,
    [],
    trusting('p01', { AWS: 'arn:<partition>:iam::<account>:role/<p>missing' }),
    MALFORMED,
    'Invalid principal in policy',
  ],
  [
    'P02',
    'a trust policy cannot name a group',
    PRINCIPALS,
    [group('p02')],
    trusting('p02', { AWS: 'arn:<partition>:iam::<account>:group/<p>p02' }),
    MALFORMED,
  ],
  [
    'P03',
    'a trust policy cannot have a wildcard in an ARN',
    PRINCIPALS,
    [],
    trusting('p03', { AWS: 'arn:<partition>:iam::<account>:role/<p>*' }),
    MALFORMED,
  ],
  [
    'P04',
    'an account ID in a trust policy shows as the ARN of its root',
    PRINCIPALS,
    [trusting('p04', { AWS: '<account>' })],
    getRole('p04'),
    ok({ 'Role.AssumeRolePolicyDocument|Statement.0.Principal.AWS': 'arn:<partition>:iam::<account>:root' }),
  ],
  ['P05', 'a document that is no JSON is malformed', DOCUMENTS, [role('p05')], inline('p05', 'no policy'), MALFORMED],
  [
    'P06',
    'a document with a principal is no identity policy',
    DOCUMENTS,
    [],
    managed('p06', {
      PolicyDocument: policy({
        Principal: { Service: 'ec2.amazonaws.com' },
        Action: 's3:ListBucket',
        Resource: NOTHING,
      }),
    }),
    MALFORMED,
  ],
  [
    'P07',
    'AWS returns a policy document as it was sent, white space and order included',
    VIEWS,
    [
      role('p07'),
      inline(
        'p07',
        ` { "Statement":[{"Resource":"${NOTHING}", "Action":["s3:PutObject","s3:GetObject"],"Effect":"Allow"}],"Version":"2012-10-17"}`,
      ),
    ],
    call('GetRolePolicy', { RoleName: '<p>p07', PolicyName: 'inline' }),
    ok({
      'PolicyDocument|decoded': ` { "Statement":[{"Resource":"${NOTHING}", "Action":["s3:PutObject","s3:GetObject"],"Effect":"Allow"}],"Version":"2012-10-17"}`,
    }),
  ],
  [
    'P08',
    'the trust policy in GetRole is URL-encoded',
    VIEWS,
    [role('p08')],
    getRole('p08'),
    ok({ 'Role.AssumeRolePolicyDocument|encoded': true }),
  ],
  [
    'P09',
    'the trust policy keeps the order of its actions',
    VIEWS,
    [
      call('CreateRole', {
        RoleName: '<p>p09',
        AssumeRolePolicyDocument: trust({ Service: 'ec2.amazonaws.com' }, ['sts:TagSession', 'sts:AssumeRole']),
      }),
    ],
    getRole('p09'),
    ok({ 'Role.AssumeRolePolicyDocument|Statement.0.Action': ['sts:TagSession', 'sts:AssumeRole'] }),
  ],
  [
    'P10',
    'the trust policy keeps the order of its services',
    VIEWS,
    [trusting('p10', { Service: ['lambda.amazonaws.com', 'ec2.amazonaws.com'] })],
    getRole('p10'),
    ok({
      'Role.AssumeRolePolicyDocument|Statement.0.Principal.Service': ['lambda.amazonaws.com', 'ec2.amazonaws.com'],
    }),
  ],
  [
    'P11',
    'NullIfExists is no operator',
    DOCUMENTS,
    [],
    managed('p11', {
      PolicyDocument: policy({
        Action: 's3:GetObject',
        Resource: NOTHING,
        Condition: { NullIfExists: { 'aws:username': 'true' } },
      }),
    }),
    MALFORMED,
  ],
  // Quotas.
  [
    'Q01',
    'a policy has five versions',
    QUOTAS,
    [managed('q01'), ...times(4, () => version('q01'))],
    version('q01'),
    LIMIT,
  ],
  [
    'Q02',
    'a user has two access keys',
    QUOTAS,
    [user('q02'), accessKey('q02'), accessKey('q02')],
    accessKey('q02'),
    LIMIT,
  ],
  ['Q03', 'a managed policy has 6,144 characters', QUOTAS, [], managed('q03', { PolicyDocument: long(6_300) }), LIMIT],
  [
    'Q04',
    'white space of a managed policy does not count',
    QUOTAS,
    [],
    managed('q04', { PolicyDocument: spaced(READ, 8_000) }),
    ok(),
  ],
  [
    'Q05',
    'the inline policies of a user have 2,048 characters together',
    QUOTAS,
    [user('q05'), userInline('q05', 'one', long(1_500))],
    userInline('q05', 'two', long(1_000)),
    LIMIT,
  ],
  [
    'Q06',
    'a role has 50 tags',
    QUOTAS,
    [role('q06', tags(...times(50, (index) => [`k${String(index)}`, 'v'] as const)))],
    call('TagRole', { RoleName: '<p>q06', ...tags(['one-more', 'v']) }),
    LIMIT,
  ],
  // Requests.
  [
    'M01',
    'a role name has at most 64 characters',
    MODEL,
    [],
    call('CreateRole', { RoleName: `<p>${'x'.repeat(64)}`, AssumeRolePolicyDocument: TRUST }),
    VALIDATION,
  ],
  ['M02', 'a session lasts at least an hour', MODEL, [], role('m02', { MaxSessionDuration: 60 }), VALIDATION],
  [
    'M03',
    'a description has at most 1,000 characters',
    MODEL,
    [],
    role('m03', { Description: 'x'.repeat(1_001) }),
    VALIDATION,
  ],
  ['M04', 'a name has no slash', MODEL, [], user('m/04'), VALIDATION],
  ['M05', 'a path begins and ends with a slash', MODEL, [], role('m05', { Path: 'other' }), VALIDATION],
  // Tags.
  [
    'T01',
    'tag keys of a role are compared without case',
    TAGGING,
    [role('t01', tags(['Team', 'a'])), call('TagRole', { RoleName: '<p>t01', ...tags(['team', 'b']) })],
    call('ListRoleTags', { RoleName: '<p>t01' }),
    ok({ 'Tags.length': 1 }),
  ],
  [
    'T02',
    'tag keys of a policy are compared with case',
    TAGGING,
    [managed('t02', tags(['Team', 'a'])), call('TagPolicy', { PolicyArn: policyArn('t02'), ...tags(['team', 'b']) })],
    call('ListPolicyTags', { PolicyArn: policyArn('t02') }),
    ok({ 'Tags.length': 2 }),
  ],
  ['T03', 'a tag cannot begin with aws:', TAGGING, [], role('t03', tags(['aws:team', 'a'])), INVALID],
  [
    'T04',
    'the tags of a Create are there with the entity',
    ENGINE,
    [role('t04', tags(['iam-bootstrap:intent', 'run-1']))],
    call('ListRoleTags', { RoleName: '<p>t04' }),
    ok({ 'Tags.0.Value': 'run-1' }),
  ],
  [
    'T05',
    'two tags of a Create that differ in case are refused',
    TAGGING,
    [],
    user('t05', tags(['Team', 'a'], ['team', 'b'])),
    INVALID,
  ],
  // Credentials and the rest.
  [
    'C01',
    'a public key of another type is refused',
    CREDENTIALS,
    [user('c01')],
    call('UploadSSHPublicKey', {
      UserName: '<p>c01',
      SSHPublicKeyBody: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHv0u0wZ0iZ0Zb1f3e9f6aYI7K0ZkqG5T8b0l5x4n1cQ',
    }),
    error(400, 'UnrecognizedPublicKeyEncoding'),
  ],
  [
    'C02',
    'a service without credentials of its own is not supported',
    CREDENTIALS,
    [user('c02')],
    call('CreateServiceSpecificCredential', { UserName: '<p>c02', ServiceName: 's3.amazonaws.com' }),
    error(404, 'NotSupportedService'),
  ],
  [
    'C03',
    'a service that is missing has no service-linked role',
    LINKED,
    [],
    call('CreateServiceLinkedRole', { AWSServiceName: 'missing.amazonaws.com', CustomSuffix: '<p>c03' }),
    INVALID,
  ],
  [
    'C04',
    'a service-linked role is not changed like others',
    LINKED,
    [linkedRole('c04')],
    inline('c04', READ, 'AWSServiceRoleForAutoScaling_<p>c04'),
    error(400, 'UnmodifiableEntity'),
  ],
  ['C05', 'an instance profile takes a role that exists', ROLES, [profile('c05')], addRole('c05', 'missing'), ABSENT],
  ['C06', 'GetUser of a missing user is NoSuchEntity', ENGINE, [], call('GetUser', { UserName: '<p>missing' }), ABSENT],
];

/** All assumptions that one request can test. */
export const ASSUMPTIONS: readonly Assumption[] = ROWS.map(
  ([id, statement, source, setup, request, expected, message]) => ({
    ...{ id, statement, source, setup, request, expected },
    ...(message === undefined ? {} : { message }),
  }),
);

function addRole(instanceProfile: string, name: string): ProbeCall {
  return call('AddRoleToInstanceProfile', { InstanceProfileName: `<p>${instanceProfile}`, RoleName: `<p>${name}` });
}

function linkedRole(name: string): ProbeCall {
  return call('CreateServiceLinkedRole', { AWSServiceName: AUTOSCALING, CustomSuffix: `<p>${name}` });
}

function login(name: string): ProbeCall {
  return call('CreateLoginProfile', { UserName: `<p>${name}`, Password: '<password>' });
}

function device(name: string): ProbeCall {
  return call('CreateVirtualMFADevice', { VirtualMFADeviceName: `<p>${name}` });
}

function inline(name: string, document = READ, RoleName = `<p>${name}`): ProbeCall {
  return call('PutRolePolicy', { RoleName, PolicyName: 'inline', PolicyDocument: document });
}

function userInline(name: string, PolicyName: string, PolicyDocument: string): ProbeCall {
  return call('PutUserPolicy', { UserName: `<p>${name}`, PolicyName, PolicyDocument });
}

function attach(name: string, policyName: string): ProbeCall {
  return call('AttachRolePolicy', { RoleName: `<p>${name}`, PolicyArn: policyArn(policyName) });
}

function version(name: string): ProbeCall {
  return call('CreatePolicyVersion', { PolicyArn: policyArn(name), PolicyDocument: READ });
}

function accessKey(name: string): ProbeCall {
  return call('CreateAccessKey', { UserName: `<p>${name}` });
}

function member(name: string): ProbeCall {
  return call('AddUserToGroup', { GroupName: `<p>${name}`, UserName: `<p>${name}` });
}

function trusting(name: string, principal: object): ProbeCall {
  return call('CreateRole', { RoleName: `<p>${name}`, AssumeRolePolicyDocument: trust(principal) });
}

function deleteRole(name: string): ProbeCall {
  return call('DeleteRole', { RoleName: `<p>${name}` });
}

function deletePolicy(name: string): ProbeCall {
  return call('DeletePolicy', { PolicyArn: policyArn(name) });
}

function deleteUser(name: string): ProbeCall {
  return call('DeleteUser', { UserName: `<p>${name}` });
}

function getRole(name: string): ProbeCall {
  return call('GetRole', { RoleName: `<p>${name}` });
}

import { join } from 'node:path';
import { findWarnings } from '../../../../src/client/capture/find-warnings.js';
import type { CaptureReport } from '../../../../src/contract/capture-report.js';
import { renderCapture } from '../../../../src/cli/render/capture.js';
import type { CapturedEntity, LeftOutEntity } from '../../../../src/contract/capture.js';
import { withRemedy } from '../../../../src/report/refused-read.js';
import { ACCOUNT, capturedOf, write } from '../../../support/captured.js';
import { expectGolden } from '../../../support/golden.js';
import { errorsOf } from '../../../support/type-check.js';

/** A small account, as a manifest that people read. Look at what has changed before `UPDATE_GOLDEN=1`. */

const DENIED = 'ListSAMLProviders answered AccessDenied: no';
const FOLDER = join(__dirname, 'golden');
const GITHUB = 'token.actions.githubusercontent.com';

const arn = (resource: string): string => `arn:aws:iam::${ACCOUNT}:${resource}`;
const documentOf = (...Statement: object[]): never => ({ Version: '2012-10-17', Statement }) as never;
const EC2 = documentOf({ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' });
const tags = { team: 'platform' };
const ci = { path: '/ci/', tags };

const ENTITIES: readonly CapturedEntity[] = [
  capturedOf('AccountAlias', { accountAliases: ['acme-dev'] }),
  capturedOf('AccountPasswordPolicy', { minimumPasswordLength: 16, maxPasswordAge: null }),
  capturedOf('OpenIDConnectProvider', { url: `https://${GITHUB}`, clientIdList: ['sts.amazonaws.com'], tags }),
  capturedOf('Policy', {
    policyName: 'read-assets',
    ...ci,
    policyDocument: documentOf({
      Sid: 'Read',
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:ListBucket'],
      Resource: [`arn:aws:s3:::assets-${ACCOUNT}`, `arn:aws:s3:::assets-${ACCOUNT}/*`],
    }),
  }),
  capturedOf('Role', {
    roleName: 'deploy',
    ...ci,
    description: 'Deploys: "prod", then {{stage}}',
    maxSessionDuration: 7200,
    assumeRolePolicyDocument: documentOf({
      Effect: 'Allow',
      Principal: { Federated: arn(`oidc-provider/${GITHUB}`) },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: {
          [`${GITHUB}:aud`]: 'sts.amazonaws.com',
          [`${GITHUB}:sub`]: 'repo:acme@583231/infra@1296269:environment:prod',
        },
      },
    }),
    inlinePolicies: { pass: documentOf({ Effect: 'Allow', Action: 'iam:PassRole', Resource: arn('role/ci/app') }) },
    managedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess', arn('policy/ci/read-assets')],
  }),
  capturedOf(
    'Role',
    { roleName: 'app', ...ci, assumeRolePolicyDocument: EC2 },
    { lastUsedAt: '2023-02-01T00:00:00.000Z' },
  ),
  capturedOf('Role', {
    roleName: 'batch',
    tags: { ...tags, stage: 'old', "it's": '1' },
    assumeRolePolicyDocument: EC2,
    managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'],
  }),
  capturedOf('Role', {
    roleName: 'legacy',
    tags: { team: 'data' },
    assumeRolePolicyDocument: documentOf({
      Effect: 'Allow',
      Principal: { AWS: ['AIDAEXAMPLEID1234567', '222222222222'] },
      Action: 'sts:AssumeRole',
    }),
  }),
  capturedOf('InstanceProfile', { instanceProfileName: 'app', ...ci, roles: ['app'] }),
  capturedOf('User', { userName: 'ann', tags }),
  capturedOf('LoginProfile', { userName: 'ann', secret: { file: 'x' } }),
  capturedOf('Group', { groupName: 'people', path: '/', users: ['ann'] }),
];

const LEFT_OUT: readonly LeftOutEntity[] = [
  {
    kind: 'AccessKey',
    name: 'ann/AKIA1',
    arn: null,
    leftOut: 'AWS shows its secret once',
    createdAt: '2024-01-01T00:00:00.000Z',
  },
  {
    kind: 'AccessKey',
    name: 'ann/AKIA2',
    arn: null,
    leftOut: 'AWS shows its secret once',
    createdAt: '2024-05-20T00:00:00.000Z',
  },
  { kind: 'Role', name: 'network', arn: arn('role/network'), leftOut: 'belongs to CloudFormation stack "network"' },
  ...Array.from({ length: 7 }, (_, index) => ({
    kind: 'ServiceLinkedRole',
    name: `service-${String(index)}.amazonaws.com`,
    arn: null,
    leftOut: 'AWS made it',
  })),
];

test.each(['yaml', 'json', 'ts'] as const)('a small account reads as people write it, in %s', (format) => {
  const { files, manifests } = write(ENTITIES, { format });
  expect(manifests).toEqual([`bootstrap.${format}`]);
  // A program would be compiled with the tests.
  for (const { path, text } of files) expectGolden(FOLDER, path.replace(/\.ts$/, '.ts.txt'), text);
});

test('a captured program compiles', () => {
  const { files } = write(ENTITIES, { format: 'ts' });
  expect(errorsOf([files[0]?.text ?? ''])).toEqual([[]]);
});

test('the result names what a person should look at, and folds what is alike', () => {
  const written = write(ENTITIES);
  const captured = Object.fromEntries(
    written.captured.map(({ kind }) => [kind, written.captured.filter((one) => one.kind === kind).length]),
  );
  const report: CaptureReport = {
    version: 1,
    command: 'capture',
    result: 'incomplete',
    account: ACCOUNT,
    partition: 'aws',
    namespace: 'estate',
    environment: 'dev',
    directory: 'iam',
    manifests: written.manifests,
    files: written.files.map(({ path }) => path),
    captured,
    leftOut: LEFT_OUT.map(({ leftOut: reason, kind, name, arn: arnOf }) => ({ kind, name, arn: arnOf, reason })),
    notDeclared: written.notDeclared,
    toFillIn: written.toFillIn,
    unread: ['SAMLProvider', 'Group'].map((kind) => withRemedy({ kind, name: null, message: DENIED })),
    warnings: findWarnings(written.captured, LEFT_OUT, Date.parse('2024-06-01T00:00:00.000Z')),
    otherFiles: [],
    apiCalls: { total: 9, byOperation: { ListRoles: 9 } },
  };
  expectGolden(FOLDER, 'result.txt', renderCapture(report, ['iam/bootstrap.yaml']));
  const none = { ...report, captured: {}, unread: [], warnings: [], leftOut: [], notDeclared: [], toFillIn: [] };
  expect(renderCapture(none, [])).toBe(`Nothing to capture in account ${ACCOUNT}.`);
  const filters = ['--kind Role', '--name bild-ci'];
  expect(renderCapture(none, [], filters)).toBe(
    `Nothing in account ${ACCOUNT} is selected by --kind Role --name bild-ci. Nothing was written.`,
  );
});

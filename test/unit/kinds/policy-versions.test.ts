import type { GetPolicyVersionResponse, PolicyVersion } from '@aws-sdk/client-iam';
import type { Reader } from '../../../src/aws/reader.js';
import { policy } from '../../../src/kinds/policy.js';

/** The default version of a managed policy, read from replies of replicas that do not agree. */

const PolicyArn = 'arn:aws:iam::111111111111:policy/reader';

const documentOf = (version: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Sid: version }] });

/** Returns a reader of a policy whose versions each say whether they are the default. */
function readerOf(
  defaultId: string,
  versions: Readonly<Record<string, boolean>>,
  listed = Object.keys(versions),
): Reader {
  const replies: Readonly<Record<string, (input: { readonly VersionId?: string }) => unknown>> = {
    GetPolicy: () => ({ Policy: { Arn: PolicyArn, Path: '/', DefaultVersionId: defaultId, Tags: [] } }),
    GetPolicyVersion: ({ VersionId = '' }): GetPolicyVersionResponse => ({
      PolicyVersion: { VersionId, IsDefaultVersion: versions[VersionId] === true, Document: documentOf(VersionId) },
    }),
    ListPolicies: () => [{ Arn: PolicyArn }],
    ListPolicyVersions: () => listed.map((VersionId): PolicyVersion => ({ VersionId })),
  };
  const answer = (operation: string, input: object): Promise<unknown> => Promise.resolve(replies[operation]?.(input));
  return { find: answer, get: answer, list: answer } as unknown as Reader;
}

async function defaultsOf(reader: Reader): Promise<readonly unknown[]> {
  const spec = { policyName: 'reader' };
  const observed = await policy.read(
    reader,
    { name: 'reader', spec },
    {
      account: '111111111111',
      partition: 'aws',
    },
  );
  const versions = (observed?.facts?.['versions'] ?? []) as unknown as readonly { id: string; isDefault: boolean }[];
  return [
    versions.filter(({ isDefault }) => isDefault).map(({ id }) => id),
    (observed?.state['policyDocument'] as unknown as { readonly Statement: unknown }).Statement,
  ];
}

test('where two versions claim to be the default, it is the one that the policy names', async () => {
  expect(await defaultsOf(readerOf('v1', { v1: true, v2: true }))).toEqual([['v1'], [{ Sid: 'v1' }]]);
});

test('where no version claims to be the default, it is the one that the policy names', async () => {
  expect(await defaultsOf(readerOf('v2', { v1: false, v2: false, v3: false }))).toEqual([['v2'], [{ Sid: 'v2' }]]);
});

test('a default that the listing does not show yet is read, too', async () => {
  expect(await defaultsOf(readerOf('v2', { v1: true, v2: true }, ['v1']))).toEqual([['v2'], [{ Sid: 'v2' }]]);
});

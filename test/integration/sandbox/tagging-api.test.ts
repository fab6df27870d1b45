import { ResourceGroupsTaggingAPI } from '@aws-sdk/client-resource-groups-tagging-api';
import type { GetResourcesInput } from '@aws-sdk/client-resource-groups-tagging-api';
import { ACCOUNT, iam, sandbox, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

const DOCUMENT = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
});

function client(region = 'us-east-1'): ResourceGroupsTaggingAPI {
  const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'test' };
  return new ResourceGroupsTaggingAPI({ endpoint: sandbox.url, region, credentials, maxAttempts: 1 });
}

async function shown(input: GetResourcesInput, region?: string): Promise<Record<string, string>> {
  const { ResourceTagMappingList = [] } = await client(region).getResources(input);
  return Object.fromEntries(
    ResourceTagMappingList.map(({ ResourceARN = '', Tags = [] }) => [
      ResourceARN.replace(/^.*\//, ''),
      Tags.map(({ Key = '', Value = '' }) => `${Key}=${Value}`).join(),
    ]),
  );
}

async function create(PolicyName: string, tags: Readonly<Record<string, string>> = {}): Promise<string> {
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const { Policy } = await iam.createPolicy({ PolicyName, PolicyDocument: DOCUMENT, Tags });
  return Policy?.Arn ?? '';
}

async function refused(input: GetResourcesInput): Promise<string> {
  try {
    await client().getResources(input);
  } catch (error) {
    return (error as Error).name;
  }
  return 'accepted';
}

test('shows the tags of policies by ARN, and leaves out what has none or does not exist', async () => {
  const arns = [await create('one', { a: '1' }), await create('two', { a: '2', b: '3' }), await create('bare')];
  expect(await shown({ ResourceARNList: [...arns, `arn:aws:iam::${ACCOUNT}:policy/gone`] })).toEqual({
    one: 'a=1',
    two: 'a=2,b=3',
  });
});

test('shows the entities of IAM in one region', async () => {
  const ResourceARNList = [await create('one', { a: '1' })];
  expect(await shown({ ResourceARNList }, 'eu-west-1')).toEqual({});
});

test('filters by type and by tags, in pages', async () => {
  for (const name of ['one', 'two', 'three']) await create(name, { a: '1', name });
  const ResourceTypeFilters = ['iam:policy'];
  const filtered = (Key: string, Values?: string[]) => shown({ ResourceTypeFilters, TagFilters: [{ Key, Values }] });
  expect(Object.keys(await filtered('a'))).toEqual(['one', 'three', 'two']);
  expect(Object.keys(await filtered('name', ['one', 'two']))).toEqual(['one', 'two']);
  expect(await filtered('b')).toEqual({});
  expect(await shown({ ResourceTypeFilters: ['ec2:instance'] })).toEqual({});
  const first = await client().getResources({ ResourceTypeFilters, ResourcesPerPage: 2 });
  expect(first.ResourceTagMappingList).toHaveLength(2);
  const { PaginationToken } = first;
  expect(await shown({ ResourceTypeFilters, ResourcesPerPage: 2, PaginationToken })).toEqual({ two: 'a=1,name=two' });
});

test('refuses ARNs together with anything else, more than a hundred of them, and unknown tokens', async () => {
  const ResourceARNList = [`arn:aws:iam::${ACCOUNT}:policy/one`];
  for (const more of [{ ResourceTypeFilters: ['iam'] }, { ResourcesPerPage: 5 }, { TagFilters: [{ Key: 'a' }] }]) {
    expect(await refused({ ResourceARNList, ...more })).toBe('InvalidParameterException');
  }
  expect(await refused({ ResourceARNList: Array.from({ length: 101 }, () => ResourceARNList[0] ?? '') })).not.toBe(
    'accepted',
  );
  expect(await refused({ PaginationToken: 'x' })).toBe('InvalidParameterException');
});

test('shows old tags while the index is frozen', async () => {
  const freeze = async (frozen: boolean): Promise<void> => {
    const body = JSON.stringify({ account: ACCOUNT, frozen });
    await fetch(`${sandbox.url}/sandbox/tag-index`, { method: 'POST', body });
  };
  const PolicyArn = await create('one', { a: '1' });
  await freeze(true);
  await iam.tagPolicy({ PolicyArn, Tags: [{ Key: 'a', Value: '2' }] });
  const ResourceARNList = [PolicyArn, await create('two', { b: '1' })];
  expect(await shown({ ResourceARNList })).toEqual({ one: 'a=1' });
  await freeze(false);
  expect(await shown({ ResourceARNList })).toEqual({ one: 'a=2', two: 'b=1' });
});

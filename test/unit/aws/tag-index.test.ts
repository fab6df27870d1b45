import type {
  GetResourcesCommandInput,
  ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import {
  createTagIndex,
  createTaggingClient,
  type TagIndex,
  type TagIndexOptions,
} from '../../../src/aws/tag-index.js';

const arnOf = (index: number): string => `arn:aws:iam::111111111111:policy/p${String(index)}`;
const arns = (count: number): string[] => Array.from({ length: count }, (_, index) => arnOf(index));

/** The tagging API: shows one tag of each entity that it is asked for, unless told otherwise. */
class TaggingApi {
  readonly asked: GetResourcesCommandInput[] = [];
  time = 0;
  answer: (asked: readonly string[]) => unknown = (asked) => ({
    ResourceTagMappingList: asked.map((ResourceARN) => ({ ResourceARN, Tags: [{ Key: 'of', Value: ResourceARN }] })),
  });
  inFlight = 0;
  mostInFlight = 0;

  index({ partition = 'aws', ...options }: TagIndexOptions & { readonly partition?: string } = {}): TagIndex {
    const client = {
      send: async ({ input }: { readonly input: GetResourcesCommandInput }) => {
        this.asked.push(input);
        this.inFlight += 1;
        this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
        await new Promise(setImmediate);
        this.inFlight -= 1;
        return this.answer(input.ResourceARNList ?? []);
      },
    } as unknown as ResourceGroupsTaggingAPIClient;
    return createTagIndex({ partition }, { now: () => this.time, ...options }, () => Promise.resolve(client));
  }
}

const denied = (): never => {
  throw Object.assign(new Error('not authorized'), {
    name: 'AccessDeniedException',
    $metadata: { httpStatusCode: 400 },
  });
};

test('asks for a hundred entities in a call, by their ARNs alone, with few calls in flight', async () => {
  const api = new TaggingApi();
  const shown = await api.index().tagsOf(arns(1_050));
  expect(shown.size).toBe(1_050);
  expect(shown.get(arnOf(1_049))).toEqual({ of: arnOf(1_049) });
  expect(api.asked.map((input) => input.ResourceARNList?.length)).toEqual(expect.arrayContaining([100, 50]));
  expect(api.asked).toHaveLength(11);
  // AWS refuses any other parameter beside the ARNs.
  expect(new Set(api.asked.flatMap((input) => Object.keys(input)))).toEqual(new Set(['ResourceARNList']));
  expect(api.mostInFlight).toBe(4);
});

test('asks for nothing where nothing is asked', async () => {
  const api = new TaggingApi();
  expect((await api.index().tagsOf([])).size).toBe(0);
  expect(api.asked).toEqual([]);
});

test('takes an entity without tags for one that is not shown', async () => {
  const api = new TaggingApi();
  api.answer = () => ({
    ResourceTagMappingList: [
      { ResourceARN: arnOf(0), Tags: [] },
      { ResourceARN: arnOf(1), Tags: [{ Key: 'a', Value: '' }] },
    ],
  });
  expect([...(await api.index().tagsOf(arns(3)))]).toEqual([[arnOf(1), { a: '' }]]);
});

test('asks once only where it shows none of the first hundred, as for a service that it does not know', async () => {
  const api = new TaggingApi();
  api.answer = () => ({});
  const index = api.index();
  expect((await index.tagsOf(arns(500))).size).toBe(0);
  expect(api.asked).toHaveLength(1);
  expect(index.isInUse()).toBe(true);
});

test.each([
  ['a denied call', denied],
  [
    'an unknown operation',
    () => {
      throw Object.assign(new Error('unknown'), { name: 'UnknownOperationException' });
    },
  ],
  [
    'an endpoint that does not exist',
    () => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    },
  ],
])('after %s, shows nothing and is not asked again for a quarter of an hour', async (_what, answer) => {
  const api = new TaggingApi();
  const index = api.index();
  const serving = api.answer;
  api.answer = answer;
  expect((await index.tagsOf(arns(300))).size).toBe(0);
  expect(index.isInUse()).toBe(false);
  expect((await index.tagsOf(arns(300))).size).toBe(0);
  api.time = 15 * 60_000 - 1;
  expect((await index.tagsOf(arns(300))).size).toBe(0);
  expect(api.asked).toHaveLength(1);

  api.time += 1;
  api.answer = serving;
  expect(index.isInUse()).toBe(true);
  expect((await index.tagsOf(arns(300))).size).toBe(300);
});

test('keeps what it has shown before a failure', async () => {
  const api = new TaggingApi();
  const serving = api.answer;
  api.answer = (asked) => (api.asked.length > 1 ? denied() : serving(asked));
  const shown = await api.index().tagsOf(arns(900));
  expect([...shown.keys()]).toEqual(arns(100));
  // Those in flight, and none after.
  expect(api.asked).toHaveLength(5);
});

test.each([
  ['in a partition without the service', { partition: 'aws-iso' }],
  ['where only IAM has an endpoint in place of AWS', { iamEndpoint: 'http://127.0.0.1:5000' }],
])('is never asked %s', async (_where, options) => {
  const api = new TaggingApi();
  const index = api.index(options);
  expect(index.isInUse()).toBe(false);
  expect((await index.tagsOf(arns(2))).size).toBe(0);
  expect(api.asked).toEqual([]);
});

test('is asked where both have an endpoint in place of AWS, and in China and GovCloud', () => {
  const both = { iamEndpoint: 'http://127.0.0.1:5000', taggingEndpoint: 'http://127.0.0.1:5000' };
  for (const options of [both, { partition: 'aws-cn' }, { partition: 'aws-us-gov' }]) {
    expect(new TaggingApi().index(options).isInUse()).toBe(true);
  }
});

test.each([
  ['us-east-1', 'tagging.us-east-1.amazonaws.com'],
  ['cn-north-1', 'tagging.cn-north-1.amazonaws.com.cn'],
  ['us-gov-west-1', 'tagging.us-gov-west-1.amazonaws.com'],
])('has its endpoint in the region in which calls to IAM are signed: %s', async (region, host) => {
  const client = await createTaggingClient({ region }, {});
  const { url } = client.config.endpointProvider({ Region: region, UseFIPS: false, UseDualStack: false });
  expect(url.host).toBe(host);
  client.destroy();
});

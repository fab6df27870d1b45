import { Agent } from 'node:https';
import { type AwsOptions, createAwsClients } from '../../../src/aws/clients.js';
import { partitionOf } from '../../../src/engine/partitions.js';

/** The hosts that our clients connect to, in each partition of AWS. */

beforeAll(() => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'test' });
});

interface Hosts {
  readonly iam: readonly string[];
  readonly sts: readonly string[];
  readonly secrets: readonly string[];
  readonly trail: readonly string[];
  readonly analyzer: readonly string[];
  /** None in partitions for which AWS does not document the service. */
  readonly tags: readonly string[];
}

/** Has each client make a call, and returns the hosts that it would connect to. */
async function hostsOf(partition: string, options: AwsOptions = {}, assumeRole?: string): Promise<Hosts> {
  const hosts: string[] = [];
  class Recorder extends Agent {
    override createConnection(connection: { host?: string }): never {
      hosts.push(connection.host ?? '');
      throw new Error('not connected');
    }
  }
  const httpsAgent = new Recorder();
  const target = { account: '111111111111', partition, ...(assumeRole === undefined ? {} : { assumeRole }) };
  const clients = createAwsClients(target, { ...options, agents: () => ({ httpAgent: new Agent(), httpsAgent }) });
  const asked = async (call: () => Promise<unknown>): Promise<string[]> => {
    hosts.length = 0;
    await expect(call()).rejects.toThrow('not connected');
    return [...new Set(hosts)];
  };
  // The index of tags fails nothing.
  const askedForTags = async (): Promise<string[]> => {
    hosts.length = 0;
    expect(await clients.tagIndex.tagsOf([`arn:${partition}:iam::111111111111:policy/p`])).toEqual(new Map());
    return [...new Set(hosts)];
  };
  const secret = { secretsManager: 'name' };
  const now = new Date();
  const found = {
    iam: [
      ...new Set([
        ...(await asked(() => clients.reader.get('ListRoles', {}))),
        ...(await asked(() => clients.write('CreateUser', { UserName: 'u' }))),
      ]),
    ],
    sts: await asked(() => clients.callerIdentity()),
    secrets: await asked(() => clients.secrets.readRecord(secret)),
    analyzer: await asked(() => clients.policyAnalyzer.validate('identity', {})),
    tags: await askedForTags(),
    trail: await asked(() => clients.eventHistory.lookUp({ by: 'EventSource', value: 'iam' }, now, now, () => true)),
  };
  clients.destroy();
  return found;
}

/** Names the hosts of a partition. */
function inPartition(iam: string, region: string, suffix: string, signingRegion = region): Hosts {
  const hasTagIndex = /^(us-east|cn|us-gov)-/.test(signingRegion);
  return {
    iam: [`${iam}.${suffix}`],
    sts: [`sts.${region}.${suffix}`],
    secrets: [`secretsmanager.${region}.${suffix}`],
    trail: [`cloudtrail.${signingRegion}.${suffix}`],
    analyzer: [`access-analyzer.${region}.${suffix}`],
    tags: hasTagIndex ? [`tagging.${signingRegion}.${suffix}`] : [],
  };
}

test.each([
  ['aws', inPartition('iam', 'us-east-1', 'amazonaws.com')],
  ['aws-cn', inPartition('iam.cn-north-1', 'cn-north-1', 'amazonaws.com.cn')],
  ['aws-us-gov', inPartition('iam.us-gov', 'us-gov-west-1', 'amazonaws.com')],
  ['aws-eusc', inPartition('iam.eusc-de-east-1', 'eusc-de-east-1', 'amazonaws.eu')],
  ['aws-iso', inPartition('iam.us-iso-east-1', 'us-iso-east-1', 'c2s.ic.gov')],
  ['aws-iso-b', inPartition('iam.us-isob-east-1', 'us-isob-east-1', 'sc2s.sgov.gov')],
  ['aws-iso-e', inPartition('iam.eu-isoe-west-1', 'eu-isoe-west-1', 'cloud.adc-e.uk')],
  ['aws-iso-f', inPartition('iam.us-isof-south-1', 'us-isof-south-1', 'csp.hci.ic.gov')],
])('every client of partition %s asks hosts of that partition alone', async (partition, hosts) => {
  expect(await hostsOf(partition)).toEqual(hosts);
  // The region of another partition, as where one worker serves accounts of several.
  const elsewhere = partition === 'aws' ? 'cn-north-1' : 'eu-west-1';
  expect(await hostsOf(partition, { region: elsewhere })).toEqual(hosts);
  const role = `arn:${partition}:iam::111111111111:role/r`;
  // Every client assumes the role first.
  expect(await hostsOf(partition, {}, role)).toEqual({
    iam: hosts.sts,
    sts: hosts.sts,
    secrets: hosts.sts,
    trail: hosts.sts,
    analyzer: hosts.sts,
    tags: hosts.tags.length > 0 ? hosts.sts : [],
  });
});

test('the configured region counts for services with regional endpoints', async () => {
  expect(await hostsOf('aws', { region: 'eu-west-1' })).toEqual(
    inPartition('iam', 'eu-west-1', 'amazonaws.com', 'us-east-1'),
  );
});

test('every client takes FIPS and dual-stack endpoints', async () => {
  expect(await hostsOf('aws', { region: 'us-east-2', useFipsEndpoint: true })).toEqual({
    iam: ['iam-fips.amazonaws.com'],
    sts: ['sts-fips.us-east-2.amazonaws.com'],
    secrets: ['secretsmanager-fips.us-east-2.amazonaws.com'],
    trail: ['cloudtrail-fips.us-east-1.amazonaws.com'],
    analyzer: ['access-analyzer-fips.us-east-2.amazonaws.com'],
    tags: ['tagging-fips.us-east-1.amazonaws.com'],
  });
  expect((await hostsOf('aws', { region: 'us-east-2', useDualstackEndpoint: true })).sts).toEqual([
    'sts.us-east-2.api.aws',
  ]);
});

test('an unknown partition, and a region of none that is known, are refused before any client exists', () => {
  const create = (partition: string, region?: string): unknown =>
    createAwsClients({ account: '111111111111', partition }, region === undefined ? {} : { region });
  expect(() => create('aws-moon')).toThrow('partition aws-moon is unknown');
  expect(() => create('constructor')).toThrow('partition constructor is unknown');
  expect(() => create('aws', 'xx-made-up-1')).toThrow('region xx-made-up-1 is of no partition of AWS that is known');
});

test.each([
  ['il-central-1', 'aws'],
  ['us-gov-east-1', 'aws-us-gov'],
  ['eusc-de-east-1', 'aws-eusc'],
  ['us-isob-east-1', 'aws-iso-b'],
  ['eu-isoe-west-1', 'aws-iso-e'],
  ['us-isof-east-1', 'aws-iso-f'],
  ['xx-made-up-1', undefined],
  ['us-moon-east-1', undefined],
  ['aws-global', undefined],
])('region %s is of partition %s', (region, partition) => {
  expect(partitionOf(region)).toBe(partition);
});

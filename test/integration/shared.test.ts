import { createHash } from 'node:crypto';
import type { Tag } from '@aws-sdk/client-iam';
import type { JsonObject } from '../../src/contract/entity.js';
import { OwnershipTag, sharedByTag } from '../../src/engine/ownership.js';
import { entityOf, writesIn } from '../support/runs.js';
import { ACCOUNT } from '../support/world.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';

useWorld();

const ID = 'OpenIDConnectProvider/tokens.example.com';
const OpenIDConnectProviderArn = `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`;
const SERVICE = 'autoscaling.amazonaws.com';
const RoleName = 'AWSServiceRoleForAutoScaling';

function provider(clientIdList: readonly string[], more: JsonObject = {}): JsonObject {
  return { kind: 'OpenIDConnectProvider', url: 'https://tokens.example.com', clientIdList, shared: true, ...more };
}
const gone: JsonObject = {
  kind: 'OpenIDConnectProvider',
  url: 'https://tokens.example.com',
  shared: true,
  state: 'absent',
};

/** The value of a sharing tag, which names the client IDs that a namespace declares. */
function claim(...clientIds: readonly string[]): string {
  return clientIds
    .map((id) => createHash('sha256').update(id).digest('hex').slice(0, 8))
    .sort()
    .join(' ');
}

function tagged(tags: readonly Tag[] = []): Record<string, string> {
  return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** The same tags without one. */
function but(tags: Readonly<Record<string, string>>, tag: string): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => key !== tag));
}

async function look(): Promise<{ readonly clients: readonly string[]; readonly tags: Record<string, string> }> {
  const { ClientIDList = [], Tags } = await iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn });
  return { clients: ClientIDList.sort(), tags: tagged(Tags) };
}

/** Applies one entity of one namespace, and returns its outcome. */
async function as(namespace: string, entity: JsonObject): Promise<string | undefined> {
  world.proxy.clear();
  const report = await runs.apply([entity], { namespace });
  expect(['converged', 'refused']).toContain(report.result);
  return report.entities[0]?.outcome;
}

describe('a provider that two namespaces share', () => {
  test('has the client IDs of both, and a tag of each that names its own', async () => {
    expect(await as('left', provider(['common', 'l']))).toBe('created');
    expect(await as('right', provider(['common', 'r']))).toBe('adopted');
    expect(writesIn(world).sort()).toEqual(['AddClientIDToOpenIDConnectProvider', 'TagOpenIDConnectProvider']);
    const { clients, tags } = await look();
    expect(clients).toEqual(['common', 'l', 'r']);
    expect(tags).toEqual({
      [sharedByTag('left')]: claim('common', 'l'),
      [sharedByTag('right')]: claim('common', 'r'),
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: expect.any(String) as string,
    });
    for (const [namespace, own] of [
      ['left', 'l'],
      ['right', 'r'],
    ] as const) {
      expect(await as(namespace, provider(['common', own]))).toBe('unchanged');
      expect(writesIn(world)).toEqual([]);
    }
  });

  test('loses only the client IDs and the tag of a namespace that leaves, and is deleted with the last one', async () => {
    await as('left', provider(['common', 'l']));
    await as('right', provider(['common', 'r']));
    await iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: 'by hand' });
    const before = await look();
    const planned = await runs.plan([gone], { namespace: 'left' });
    expect(entityOf(planned, ID).drift.map(({ summary }) => summary)).toEqual([
      `RemoveClientIDFromOpenIDConnectProvider ${OpenIDConnectProviderArn} l`,
      `UntagOpenIDConnectProvider ${OpenIDConnectProviderArn} ${sharedByTag('left')}`,
    ]);
    expect(entityOf(planned, ID).reason).toBe('removes only this namespace\'s part: namespace "right" keeps it');

    // The namespace that created it may leave first.
    expect(await as('left', gone)).toBe('deleted');
    expect(await look()).toEqual({ clients: ['by hand', 'common', 'r'], tags: but(before.tags, sharedByTag('left')) });
    expect(await as('left', gone)).toBe('unchanged');
    expect(writesIn(world)).toEqual([]);
    expect(await as('right', provider(['common', 'r']))).toBe('unchanged');

    expect(await as('right', gone)).toBe('deleted');
    expect(writesIn(world)).toEqual(['DeleteOpenIDConnectProvider']);
    expect((await iam.listOpenIDConnectProviders({})).OpenIDConnectProviderList).toEqual([]);
  });

  test('keeps every client ID where the tag of the other namespace does not name its own', async () => {
    await as('left', provider(['common', 'l']));
    await as('right', provider(['common', 'r']));
    await iam.tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [{ Key: sharedByTag('right'), Value: '' }] });
    expect(await as('left', gone)).toBe('deleted');
    expect(writesIn(world)).toEqual(['UntagOpenIDConnectProvider']);
    expect((await look()).clients).toEqual(['common', 'l', 'r']);
    // Its owner repairs the tag.
    expect(await as('right', provider(['common', 'r']))).toBe('updated');
    expect((await look()).tags[sharedByTag('right')]).toBe(claim('common', 'r'));
  });

  test('has its tag follow what is declared', async () => {
    await as('left', provider(['common']));
    expect(await as('left', provider(['common', 'more']))).toBe('updated');
    expect((await look()).tags[sharedByTag('left')]).toBe(claim('common', 'more'));
    expect(await as('left', provider([]))).toBe('updated');
    expect((await look()).tags[sharedByTag('left')]).toBe('-');
    expect((await look()).clients).toEqual(['common', 'more']);
  });

  test('that another caller created is kept with its content when the last namespace leaves', async () => {
    const Tags = [{ Key: 'team', Value: 'platform' }];
    await iam.createOpenIDConnectProvider({
      Url: 'https://tokens.example.com',
      ClientIDList: ['hand', 'common'],
      Tags,
    });
    expect(await as('left', provider(['common', 'l']))).toBe('adopted');
    expect(await as('right', provider(['common', 'r']))).toBe('adopted');
    expect((await look()).tags[OwnershipTag.Origin]).toBe('adopted');
    expect(await as('left', gone)).toBe('released');
    expect(await as('right', gone)).toBe('released');
    // A client ID that is left over grants nothing by itself, and those of the creator must be kept.
    const { clients, tags } = await look();
    expect(clients).toEqual(['common', 'hand', 'l', 'r']);
    expect(tags).toEqual({ team: 'platform' });
  });
});

describe('a provider that becomes shared, or is no longer shared', () => {
  test('has its tags changed, and nothing else', async () => {
    expect(await as('left', provider(['l'], { shared: false }))).toBe('created');
    const { tags: owned } = await look();
    expect(owned).toEqual({
      [OwnershipTag.Namespace]: 'left',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: expect.any(String) as string,
    });
    expect(await as('right', provider(['r']))).toBe('refused');
    expect(writesIn(world)).toEqual([]);

    world.proxy.clear();
    const report = await runs.apply([provider(['l'])], { namespace: 'left' });
    expect(entityOf(report, ID)).toMatchObject({
      outcome: 'updated',
      drift: [],
      reason: 'its ownership tags change to what the manifest declares',
    });
    expect(writesIn(world)).toEqual(['TagOpenIDConnectProvider', 'UntagOpenIDConnectProvider']);
    const shared = { ...but(owned, OwnershipTag.Namespace), [sharedByTag('left')]: claim('l') };
    expect(await look()).toEqual({ clients: ['l'], tags: shared });
    expect(await as('left', provider(['l']))).toBe('unchanged');
    expect(await as('right', provider(['r']))).toBe('adopted');

    // It does not become owned again while another namespace shares it.
    expect(await as('left', provider(['l'], { shared: false }))).toBe('refused');
    expect(writesIn(world)).toEqual([]);
    await as('right', gone);
    expect(await as('left', provider(['l'], { shared: false }))).toBe('updated');
    expect(await look()).toEqual({ clients: ['l'], tags: owned });
    expect(await as('left', provider(['l'], { shared: false }))).toBe('unchanged');
  });
});

describe('a service-linked role', () => {
  const linked = (more: JsonObject = {}): JsonObject => ({
    kind: 'ServiceLinkedRole',
    awsServiceName: SERVICE,
    shared: true,
    ...more,
  });
  const away: JsonObject = linked({ state: 'absent' });
  const tags = async (): Promise<Record<string, string>> => tagged((await iam.listRoleTags({ RoleName })).Tags);

  test('that two namespaces share has a tag of each, loses only that of the one that leaves, and is deleted with the last one', async () => {
    expect(await as('left', linked({ description: 'of both' }))).toBe('created');
    expect(await as('right', linked())).toBe('adopted');
    expect(writesIn(world)).toEqual(['TagRole']);
    const all = await tags();
    expect(all).toEqual({
      [sharedByTag('left')]: '',
      [sharedByTag('right')]: '',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: expect.any(String) as string,
    });
    expect(await as('left', away)).toBe('deleted');
    expect(writesIn(world)).toEqual(['UntagRole']);
    expect(await tags()).toEqual(but(all, sharedByTag('left')));
    expect((await iam.getRole({ RoleName })).Role?.Description).toBe('of both');
    expect(await as('right', away)).toBe('deleted');
    expect(writesIn(world)).toEqual(['DeleteServiceLinkedRole']);
    await expect(iam.getRole({ RoleName })).rejects.toThrow('cannot be found');
  });

  test('that its service created is kept when the last namespace leaves', async () => {
    await iam.createServiceLinkedRole({ AWSServiceName: SERVICE });
    expect(await as('left', linked())).toBe('adopted');
    expect(await as('left', away)).toBe('released');
    expect(await tags()).toEqual({});
  });

  test('that becomes shared, and is no longer shared, has its tags changed', async () => {
    expect(await as('left', linked({ shared: false }))).toBe('created');
    const owned = await tags();
    expect(owned).toMatchObject({ [OwnershipTag.Namespace]: 'left', [OwnershipTag.Origin]: 'created' });
    expect(await as('left', linked())).toBe('updated');
    expect(await tags()).toEqual({ ...but(owned, OwnershipTag.Namespace), [sharedByTag('left')]: '' });
    expect(await as('left', linked())).toBe('unchanged');
    expect(await as('left', linked({ shared: false }))).toBe('updated');
    expect(await tags()).toEqual(owned);
  });
});

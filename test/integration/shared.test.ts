import { createHash } from 'node:crypto';
import type { Tag } from '@aws-sdk/client-iam';
import type { JsonObject } from '../../src/contract/entity.js';
import { OwnershipTag, sharedByTag, SharingTag } from '../../src/engine/ownership.js';
import { entityOf, outcomesOf, writesIn } from '../support/runs.js';
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
      [SharingTag.CreatedBy]: 'left',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: expect.any(String) as string,
      [OwnershipTag.Installation]: expect.any(String) as string,
    });
    for (const [namespace, own] of [
      ['left', 'l'],
      ['right', 'r'],
    ] as const) {
      expect(await as(namespace, provider(['common', own]))).toBe('unchanged');
      expect(writesIn(world)).toEqual([]);
    }
  });

  test('loses only the client IDs and the tag of a namespace that leaves, and is kept by the last one that did not create it', async () => {
    await as('left', provider(['common', 'l']));
    await as('right', provider(['common', 'r']));
    await iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID: 'by hand' });
    const before = await look();
    const planned = await runs.plan([gone], { namespace: 'left' });
    expect(entityOf(planned, ID).drift.map(({ path, observed }) => [path, observed])).toEqual([
      ['clientIdList', 'l'],
      [`tags.${sharedByTag('left')}`, claim('common', 'l')],
    ]);
    expect(entityOf(planned, ID).reason).toBe('removes only this namespace\'s part: namespace "right" keeps it');

    // The namespace that created it may leave first.
    expect(await as('left', gone)).toBe('released');
    expect(writesIn(world)).toEqual(['RemoveClientIDFromOpenIDConnectProvider', 'UntagOpenIDConnectProvider']);
    expect(await look()).toEqual({ clients: ['by hand', 'common', 'r'], tags: but(before.tags, sharedByTag('left')) });
    expect(await as('left', gone)).toBe('unchanged');
    expect(writesIn(world)).toEqual([]);
    expect(await as('right', provider(['common', 'r']))).toBe('unchanged');

    expect(await as('right', gone)).toBe('released');
    expect(await look()).toEqual({ clients: ['by hand'], tags: {} });
    expect(await as('right', gone)).toBe('unchanged');
  });

  test('is deleted by the namespace that created it, once it is the last', async () => {
    await as('left', provider(['common', 'l']));
    await as('right', provider(['common', 'r']));
    expect(await as('right', gone)).toBe('released');
    expect(await as('left', gone)).toBe('deleted');
    expect(writesIn(world)).toEqual(['DeleteOpenIDConnectProvider']);
    expect((await iam.listOpenIDConnectProviders({})).OpenIDConnectProviderList).toEqual([]);
  });

  test('keeps every client ID where the tag of the other namespace does not name its own', async () => {
    await as('left', provider(['common', 'l']));
    await as('right', provider(['common', 'r']));
    await iam.tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [{ Key: sharedByTag('right'), Value: '' }] });
    const planned = await runs.plan([gone], { namespace: 'left' });
    expect(entityOf(planned, ID).reason).toMatch(/clientIdList stays as it is: no tag shows .* namespace "right"$/);
    expect(await as('left', gone)).toBe('released');
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
    // What it no longer declares stays its part, which it takes along when it leaves.
    expect(await as('left', provider(['later']))).toBe('updated');
    expect((await look()).tags[sharedByTag('left')]).toBe(claim('common', 'more', 'later'));
    await as('right', provider([]));
    expect((await look()).tags[sharedByTag('right')]).toBe('-');
    expect((await look()).clients).toEqual(['common', 'later', 'more']);
    await as('left', gone);
    expect((await look()).clients).toEqual([]);
  });

  test('that another caller created is left with the content that it had before when the last namespace leaves', async () => {
    const Tags = [{ Key: 'team', Value: 'platform' }];
    await iam.createOpenIDConnectProvider({
      Url: 'https://tokens.example.com',
      ClientIDList: ['hand', 'common'],
      Tags,
    });
    expect(await as('left', provider(['common', 'l']))).toBe('adopted');
    expect(await as('right', provider(['common', 'r']))).toBe('adopted');
    expect((await look()).tags).toMatchObject({
      [OwnershipTag.Origin]: 'adopted',
      [SharingTag.SharedBefore]: claim('common', 'hand'),
    });
    expect(await as('left', gone)).toBe('released');
    expect((await look()).clients).toEqual(['common', 'hand', 'r']);
    expect(await as('right', gone)).toBe('released');
    expect(await look()).toEqual({ clients: ['common', 'hand'], tags: { team: 'platform' } });
  });

  test('is not destroyed while another namespace shares it, where the manifest omits shared: true', async () => {
    await as('left', provider(['common', 'l']));
    await as('right', provider(['common', 'r']));
    world.proxy.clear();
    const report = await runs.apply([provider(['common', 'l'], { shared: false })], {
      namespace: 'left',
      command: 'destroy',
    });
    expect(outcomesOf(report)).toEqual({ [ID]: 'released' });
    expect(writesIn(world)).toEqual(['RemoveClientIDFromOpenIDConnectProvider', 'UntagOpenIDConnectProvider']);
    expect((await look()).clients).toEqual(['common', 'r']);
  });
});

describe('a provider that one namespace owns and another shares', () => {
  const theirs = provider(['common', 'r'], { adopt: 'foreign' });
  const owned = provider(['common', 'l'], { shared: false });
  const isOwned = { [OwnershipTag.Namespace]: 'left', [sharedByTag('left')]: claim('common', 'l') };

  beforeEach(async () => {
    expect(await as('left', owned)).toBe('created');
    expect(await as('right', theirs)).toBe('adopted');
  });

  test('converges for both, and keeps the tags of both', async () => {
    expect(await look()).toMatchObject({
      clients: ['common', 'l', 'r'],
      tags: { ...isOwned, [sharedByTag('right')]: claim('common', 'r') },
    });
    expect([await as('right', theirs), await as('left', owned)]).toEqual(['unchanged', 'unchanged']);
    expect(await as('left', provider(['common', 'l', 'more'], { shared: false, unmanaged: 'remove' }))).toBe('updated');
    expect((await look()).clients).toEqual(['common', 'l', 'more', 'r']);
  });

  test('loses nothing of its owner when the sharer leaves, whatever it may adopt', async () => {
    expect(await as('right', { ...gone, adopt: 'foreign' })).toBe('released');
    expect(await look()).toMatchObject({ clients: ['common', 'l'], tags: isOwned });
    expect(await as('right', { ...gone, adopt: 'foreign' })).toBe('unchanged');
    expect(await as('right', gone)).toBe('unchanged');
    expect(await as('left', owned)).toBe('unchanged');
  });

  test('is not deleted while the other is there: the owner and the sharer only withdraw, or are refused', async () => {
    for (const namespace of ['left', 'right', 'third']) {
      for (const adopt of ['unowned', 'foreign']) {
        expect(await as(namespace, { ...gone, shared: false, adopt })).toBe('refused');
        expect(writesIn(world)).toEqual([]);
      }
    }
    const destroyed = await runs.apply([owned], { namespace: 'left', command: 'destroy' });
    expect(outcomesOf(destroyed)).toEqual({ [ID]: 'released' });
    const { clients, tags } = await look();
    expect(clients).toEqual(['common', 'r']);
    expect(tags).not.toHaveProperty(OwnershipTag.Namespace);
    expect(tags).not.toHaveProperty(sharedByTag('left'));
    expect(await as('right', theirs)).toBe('unchanged');
  });
});

describe('a provider that becomes shared, or is no longer shared', () => {
  test('has its tags changed, and nothing else', async () => {
    expect(await as('left', provider(['l'], { shared: false }))).toBe('created');
    const { tags: owned } = await look();
    expect(owned).toEqual({
      [OwnershipTag.Namespace]: 'left',
      [sharedByTag('left')]: claim('l'),
      [SharingTag.CreatedBy]: 'left',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: expect.any(String) as string,
      [OwnershipTag.Installation]: expect.any(String) as string,
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
    expect(writesIn(world)).toEqual(['UntagOpenIDConnectProvider']);
    expect(await look()).toEqual({ clients: ['l'], tags: but(owned, OwnershipTag.Namespace) });
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

  test('that two namespaces share has a tag of each, loses only that of the one that leaves, and goes with its creator', async () => {
    expect(await as('left', linked({ description: 'of both' }))).toBe('created');
    expect(await as('right', linked())).toBe('adopted');
    expect(writesIn(world)).toEqual(['TagRole']);
    const all = await tags();
    expect(all).toEqual({
      [sharedByTag('left')]: '',
      [sharedByTag('right')]: '',
      [SharingTag.CreatedBy]: 'left',
      [OwnershipTag.Origin]: 'created',
      [OwnershipTag.Intent]: expect.any(String) as string,
      [OwnershipTag.Installation]: expect.any(String) as string,
    });
    expect(await as('right', away)).toBe('released');
    expect(writesIn(world)).toEqual(['UntagRole']);
    expect(await tags()).toEqual(but(all, sharedByTag('right')));
    expect((await iam.getRole({ RoleName })).Role?.Description).toBe('of both');
    expect(await as('left', away)).toBe('deleted');
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
    expect(await tags()).toEqual(but(owned, OwnershipTag.Namespace));
    expect(await as('left', linked())).toBe('unchanged');
    expect(await as('left', linked({ shared: false }))).toBe('updated');
    expect(await tags()).toEqual(owned);
  });
});

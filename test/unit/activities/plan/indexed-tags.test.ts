import type { Declaration } from '../../../../src/contract/declarations.js';
import type { DesiredEntity } from '../../../../src/contract/entity.js';
import { Reader, type Send } from '../../../../src/aws/reader.js';
import { lockOf } from '../../../../src/activities/plan/entity-lock.js';
import type { BootstrapRequest } from '../../../../src/contract/request.js';
import { runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount, OWNED_TAGS, TARGET } from '../../../support/fake-account.js';
import { allowing } from '../../../support/manifests-of.js';

type Tags = Readonly<Record<string, string>>;

const NAMES = ['one', 'two', 'three'];
const FOREIGN = { 'iam-bootstrap:namespace': 'other' };

const arnOf = (name: string): string => `arn:aws:iam::${TARGET.account}:policy/${name}`;

function policy(name: string, more: Partial<DesiredEntity> = {}, tags: Tags = { team: 'a' }): DesiredEntity {
  return desired('Policy', name, { policyName: name, policyDocument: allowing('s3:*'), tags }, more);
}

/** An account with policies. The tag index may show other tags of them than IAM. */
class PolicyAccount extends FakeAccount {
  /** The tags in IAM, by name. */
  readonly tags = new Map<string, Tags>();
  /** The policies whose tags were read from IAM. */
  readonly confirmed: string[] = [];
  createdAt = new Date('2026-01-01T12:00:00Z');
  documentOf: (name: string) => string = () => JSON.stringify(allowing('s3:*'));

  constructor(names: readonly string[]) {
    super();
    for (const name of names) this.tags.set(name, { ...OWNED_TAGS, team: 'a' });
    this.showsPresent();
    const send = (operation: string, input: Readonly<Record<string, unknown>>): Promise<unknown> =>
      Promise.resolve(this.#answer(operation, input));
    Object.assign(this.clients, { reader: new Reader(send as unknown as Send) });
  }

  /** Has the index show the present tags, but for those given. */
  showsPresent(but: Readonly<Record<string, Tags | undefined>> = {}): void {
    const shown = Object.entries({ ...Object.fromEntries(this.tags), ...but });
    this.tagsInIndex = new Map(
      shown.flatMap(([name, tags]) => (tags === undefined ? [] : [[arnOf(name), tags] as const])),
    );
  }

  #answer(operation: string, { PolicyArn }: { readonly PolicyArn?: string }): unknown {
    if (operation === 'GetAccountAuthorizationDetails') {
      const Policies = [...this.tags.keys()].map((name) => ({
        PolicyName: name,
        Arn: arnOf(name),
        Path: '/',
        CreateDate: this.createdAt,
        PolicyVersionList: [{ VersionId: 'v1', IsDefaultVersion: true, Document: this.documentOf(name) }],
      }));
      return { Policies };
    }
    if (operation !== 'ListPolicyTags') return {};
    const name = PolicyArn?.split('/').at(-1) ?? '';
    this.confirmed.push(name);
    return { Tags: Object.entries(this.tags.get(name) ?? {}).map(([Key, Value]) => ({ Key, Value })) };
  }
}

/** What the ledger knows of a policy, which was declared when it was created. */
const knownAs = (name: string, at = '2026-01-01T12:00:00.000Z'): Declaration => ({
  ...{ id: `Policy/${name}`, key: { policyName: name }, manifest: 'iam.yaml', environment: 'dev', runId: 'run', at },
});

const KNOWN = NAMES.map((name) => knownAs(name));

let account: PolicyAccount;

beforeEach(() => {
  account = new PolicyAccount(NAMES);
});

/** Plans, and returns the actions and the policies whose tags were read from IAM. */
async function planned(
  entities: readonly DesiredEntity[] = NAMES.map((name) => policy(name)),
  options: Parameters<typeof runAttempt>[3] = {},
): Promise<readonly [actions: readonly string[], confirmed: readonly string[]]> {
  const request: BootstrapRequest = {
    version: 1,
    target: TARGET,
    namespace: 'ci',
    environment: 'dev',
    entities,
    digest: 'sha256:0',
    key: 'key',
    pipeline: { provider: 'none', url: null, commit: null, actor: null },
    keepGoing: false,
    manifest: 'iam.yaml',
  };
  const { result, failure } = await runAttempt(account, 'planEntities', request, { declarations: KNOWN, ...options });
  expect(failure).toBeUndefined();
  return [result?.entities.map(({ decision }) => decision.action) ?? [], account.confirmed.toSorted()];
}

test('policies that the index shows as declared and as ours cost no call to IAM', async () => {
  expect(await planned()).toEqual([['no-op', 'no-op', 'no-op'], []]);
});

test('with or without declared tags', async () => {
  const entities = NAMES.map((name) => desired('Policy', name, { policyName: name, policyDocument: allowing('s3:*') }));
  expect(await planned(entities)).toEqual([['no-op', 'no-op', 'no-op'], []]);
});

describe('what the index shows otherwise is decided by what IAM shows', () => {
  test.each<[what: string, shown: Tags | undefined]>([
    ['no tags', undefined],
    ['another value', { ...OWNED_TAGS, team: 'b' }],
    ['no declared tag', OWNED_TAGS],
    ['no owner', { team: 'a' }],
    ['another owner', { ...FOREIGN, team: 'a' }],
  ])('where it is behind: %s', async (_what, shown) => {
    account.showsPresent({ two: shown });
    expect(await planned()).toEqual([['no-op', 'no-op', 'no-op'], ['two']]);
  });

  test.each<[what: string, tags: Tags, action: string]>([
    ['a tag that drifted', { ...OWNED_TAGS, team: 'b' }, 'update'],
    ['no owner', { team: 'a' }, 'adopt'],
    ['another owner', { ...FOREIGN, team: 'a' }, 'refuse'],
  ])('where it is right: %s', async (_what, tags, action) => {
    account.tags.set('two', tags);
    account.showsPresent();
    expect(await planned()).toEqual([['no-op', action, 'no-op'], ['two']]);
  });

  test('a document that drifted has the owner checked in IAM before anything is written', async () => {
    account.tags.set('two', { ...FOREIGN, team: 'a' });
    account.showsPresent({ two: { ...OWNED_TAGS, team: 'a' } });
    account.documentOf = (name) => JSON.stringify(allowing(name === 'two' ? 'ec2:*' : 's3:*'));
    expect(await planned()).toEqual([['no-op', 'refuse', 'no-op'], ['two']]);
  });
});

describe('tags come from IAM', () => {
  const stale = (): void => {
    // The index shows tags from before they were changed, and they are those that are declared again.
    account.tags.set('two', { ...OWNED_TAGS, team: 'b' });
    account.showsPresent({ two: { ...OWNED_TAGS, team: 'a' } });
  };

  test('of what a run has changed lately: an index that is behind does not hide that the manifest went back', async () => {
    stale();
    const asked: unknown[] = [];
    const recentlyChanged = (...about: unknown[]): Promise<readonly string[]> => {
      asked.push(about);
      return Promise.resolve([lockOf(TARGET.account, { kind: 'Policy', name: 'Two' })]);
    };
    expect(await planned(undefined, { recentlyChanged })).toEqual([['no-op', 'update', 'no-op'], ['two']]);
    expect(asked).toEqual([[TARGET.account, 'Policy']]);
  });

  test('of everything where it is unknown what was changed lately', async () => {
    stale();
    const recentlyChanged = (): Promise<never> => Promise.reject(new Error('Temporal does not answer'));
    expect(await planned(undefined, { recentlyChanged })).toEqual([['no-op', 'update', 'no-op'], NAMES.toSorted()]);
  });

  test('of everything where the index is not in use', async () => {
    account.tagsInIndex = null;
    expect(await planned()).toEqual([['no-op', 'no-op', 'no-op'], NAMES.toSorted()]);
  });

  test.each<[what: string, more: Partial<DesiredEntity>, action: string]>([
    ['is to be absent', { state: 'absent' }, 'refuse'],
    ['is released', { state: 'released' }, 'no-op'],
    ['is destroyed', { state: 'destroyed' }, 'no-op'],
    ['may be replaced', { replace: true }, 'refuse'],
  ])('of what %s, whatever the index shows', async (_what, more, action) => {
    account.tags.set('two', FOREIGN);
    account.showsPresent({ two: { ...OWNED_TAGS, team: 'a' } });
    const [actions, confirmed] = await planned([policy('one'), policy('two', more), policy('three')]);
    expect([actions[1], confirmed.includes('two'), confirmed.includes('one')]).toEqual([action, true, false]);
  });

  test.each([
    ['within an hour of its declaration', '2026-01-01T11:30:00.000Z', []],
    ['before its declaration, by which it was adopted', '2026-02-01T00:00:00.000Z', []],
    ['long after its declaration, and is another one', '2026-01-01T10:00:00.000Z', ['two']],
  ])('or from the index, of what was created %s', async (_when, at, confirmed) => {
    const declarations = [knownAs('one'), knownAs('two', at), knownAs('three')];
    expect(await planned(undefined, { declarations })).toEqual([['no-op', 'no-op', 'no-op'], confirmed]);
  });

  test('of what was deleted and created anew without tags, though the index shows those from before', async () => {
    account.tags.set('two', {});
    account.showsPresent({ two: { ...OWNED_TAGS, team: 'a' } });
    const declarations = [knownAs('one'), knownAs('two', '2025-12-31T00:00:00.000Z'), knownAs('three')];
    expect(await planned(undefined, { declarations })).toEqual([['no-op', 'adopt', 'no-op'], ['two']]);
  });

  test('of what the ledger does not know, as with a server that has lost it, though the index shows it as declared', async () => {
    stale();
    const declarations = [knownAs('one'), knownAs('three')];
    expect(await planned(undefined, { declarations })).toEqual([['no-op', 'update', 'no-op'], ['two']]);
    account.confirmed.length = 0;
    expect(await planned(undefined, { declarations: [] })).toEqual([['no-op', 'update', 'no-op'], NAMES.toSorted()]);
  });

  test('of one policy alone, for which a call to the index costs as much', async () => {
    expect(await planned([policy('two')])).toEqual([['no-op'], ['two']]);
  });
});

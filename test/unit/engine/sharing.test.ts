import fc from 'fast-check';
import type { DesiredEntity } from '../../../src/contract/entity.js';
import { assess, createTags } from '../../../src/engine/decide.js';
import type { Assessment } from '../../../src/engine/decide.js';
import type { Observed } from '../../../src/engine/comparison.js';
import { isOwnershipTag, otherSharers, OwnershipTag, sharedByTag } from '../../../src/engine/ownership.js';
import { ownershipFirst } from '../../../src/engine/tag-limit.js';
import { orderByEffect } from '../../../src/engine/write-order.js';
import { openIdConnectProvider as kind } from '../../../src/kinds/open-id-connect-provider.js';
import type { Write } from '../../../src/kinds/kind.js';

/**
 * Random histories of namespaces that create, own, share, leave and release one provider, with interruptions between any
 * two writes and with other hands on its client IDs. Who has which part is told apart from the engine.
 */

const NAMESPACES = ['a', 'b', 'c'] as const;
type Namespace = (typeof NAMESPACES)[number];
const CLIENT_IDS = ['1', '2', '3', '4'];
const URL = 'https://tokens.example.com';
const NAME = 'tokens.example.com';
const TARGET = { account: '111111111111', partition: 'aws' };
const ARN = `arn:aws:iam::${TARGET.account}:oidc-provider/${NAME}`;

interface Provider {
  readonly tags: Readonly<Record<string, string>>;
  readonly clientIds: readonly string[];
}

type Action =
  | { readonly do: 'share' | 'own' | 'take'; readonly by: Namespace; readonly clientIds: readonly string[] }
  | { readonly do: 'leave' | 'destroy' | 'release'; readonly by: Namespace };
type Step =
  | (Action & { /** Writes until the run is interrupted. */ readonly writes: number })
  | { readonly do: 'add by hand' | 'remove by hand'; readonly clientId: string }
  | { readonly do: 'create by hand'; readonly clientIds: readonly string[] };

function observed({ tags, clientIds }: Provider): Observed {
  return { name: NAME, arn: ARN, createdAt: null, tags, state: { clientIdList: clientIds, thumbprintList: [] } };
}

function entityOf(action: Action): DesiredEntity {
  const state = { leave: 'absent', destroy: 'destroyed', release: 'released' } as const;
  return {
    kind: kind.name,
    name: NAME,
    state: 'clientIds' in action ? 'present' : state[action.do],
    adopt: action.do === 'own' ? 'unowned' : 'foreign',
    observe: false,
    shared: action.do === 'share' || action.do === 'leave',
    // A sharer must remove nothing even so; an owner alone may.
    unmanaged: action.do === 'share' ? 'remove' : 'keep',
    spec: { url: URL, ...('clientIds' in action ? { clientIdList: action.clientIds } : {}) },
    dependsOn: [],
  };
}

/** Each action is a run of its own. */
let runs = 0;

function assessed(action: Action, provider: Provider | undefined): Assessment {
  const entity = entityOf(action);
  const context = { namespace: action.by, partition: 'aws', intent: `run ${String((runs += 1))}` };
  return assess(kind, entity, entity.spec, provider && observed(provider), context);
}

function writesOf(
  action: Action,
  { decision, changes, tags, takesOwnership }: Assessment,
  provider: Provider | undefined,
): Write[] {
  const entity = entityOf(action);
  const desired = { name: NAME, spec: entity.spec, target: TARGET };
  if (decision.action === 'create') {
    const claimant = { namespace: action.by, intent: 'run', shared: entity.shared };
    return [kind.create({ ...desired, tags: createTags(kind, claimant, entity.spec) })];
  }
  if (provider === undefined || decision.action === 'refuse' || decision.action === 'no-op') return [];
  if (decision.action === 'delete') return [{ operation: 'DeleteOpenIDConnectProvider', input: {} }];
  const writes = kind.update({ ...desired, tags }, observed(provider), changes);
  if (takesOwnership !== true) return [...orderByEffect(writes)];
  const { first, rest } = ownershipFirst(writes, observed(provider), changes['tags']?.put ?? []);
  return [...first, ...orderByEffect(rest)];
}

interface WriteInput {
  readonly ClientID?: string;
  readonly ClientIDList?: readonly string[];
  readonly TagKeys?: readonly string[];
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
}

function written(provider: Provider | undefined, { operation, input }: Write): Provider | undefined {
  const { ClientID = '', TagKeys = [], Tags = [], ClientIDList = [] } = input as WriteInput;
  const put = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
  if (operation === 'CreateOpenIDConnectProvider') return { tags: put, clientIds: ClientIDList };
  if (provider === undefined || operation === 'DeleteOpenIDConnectProvider') return undefined;
  const { tags, clientIds } = provider;
  switch (operation) {
    case 'AddClientIDToOpenIDConnectProvider':
      return { tags, clientIds: [...new Set([...clientIds, ClientID])] };
    case 'RemoveClientIDFromOpenIDConnectProvider':
      return { tags, clientIds: clientIds.filter((id) => id !== ClientID) };
    case 'TagOpenIDConnectProvider':
      return { tags: { ...tags, ...put }, clientIds };
    case 'UntagOpenIDConnectProvider':
      return { tags: without(tags, (tag) => TagKeys.includes(tag)), clientIds };
    default:
      throw new Error(operation);
  }
}

function without(tags: Provider['tags'], goes: (tag: string) => boolean): Provider['tags'] {
  return Object.fromEntries(Object.entries(tags).filter(([tag]) => !goes(tag)));
}

function tagsOf(namespace: Namespace, tags: Provider['tags']): Provider['tags'] {
  return without(
    tags,
    (tag) => tag !== sharedByTag(namespace) && !(tag === OwnershipTag.Namespace && tags[tag] === namespace),
  );
}

/** The account as the model knows it: what AWS has, each namespace's part, and what belongs to nobody. */
class Model {
  provider: Provider | undefined;
  readonly #parts = new Map<Namespace, ReadonlySet<string>>();
  #nobodys = new Set<string>();
  /** What a replaced owner had. It stays or goes with a namespace that declares it then. */
  readonly #replaced = new Set<string>();
  #creator: Namespace | undefined;

  take(step: Step): void {
    if ('writes' in step) this.#run(step);
    else if (step.do === 'create by hand') this.#createByHand(step.clientIds);
    else this.#changeByHand(step.do, step.clientId);
    this.#expectNobodysContent();
  }

  /** Lets every namespace leave, and expects that nothing of any of them remains. */
  leaveAll(): void {
    for (const by of NAMESPACES) this.take({ do: 'leave', by, writes: Infinity });
    if (this.provider === undefined) return;
    expect(Object.keys(this.provider.tags).filter(isOwnershipTag)).toEqual([]);
    const isKnown = (id: string): boolean => !this.#replaced.has(id);
    expect(this.provider.clientIds.filter(isKnown).sort()).toEqual([...this.#nobodys].filter(isKnown).sort());
  }

  #createByHand(clientIds: readonly string[]): void {
    if (this.provider !== undefined) return;
    this.provider = { tags: { team: 'x' }, clientIds };
    this.#nobodys = new Set(clientIds);
  }

  #changeByHand(change: string, clientId: string): void {
    if (this.provider === undefined) return;
    const { tags, clientIds } = this.provider;
    if (change === 'remove by hand') {
      this.provider = { tags, clientIds: clientIds.filter((id) => id !== clientId) };
      this.#nobodys.delete(clientId);
    } else if (!clientIds.includes(clientId)) {
      this.provider = { tags, clientIds: [...clientIds, clientId] };
      const isClaimed = [...this.#parts.values()].some((part) => part.has(clientId));
      if (!isClaimed) this.#nobodys.add(clientId);
    }
  }

  #run(step: Extract<Step, { readonly writes: number }>): void {
    const before = this.provider;
    const assessment = assessed(step, before);
    const writes = writesOf(step, assessment, before);
    const sent = writes.slice(0, step.writes);
    for (const write of sent) this.provider = written(this.provider, write);
    this.#expectOthersUntouched(step, assessment, before);
    this.#recordParts(step, assessment, before);
    if (sent.length < writes.length) return;
    // What a finished run has written needs no further write, and a part that was left is not there twice.
    expect(writesOf(step, assessed(step, this.provider), this.provider)).toEqual([]);
    if (assessment.decision.action === 'refuse' || !('clientIds' in step)) return;
    expect(this.provider?.clientIds).toEqual(expect.arrayContaining([...step.clientIds]));
  }

  /** Nobody's tag or part is removed by another namespace, but by a takeover that was asked for. */
  #expectOthersUntouched({ by, do: what }: Action, { decision }: Assessment, before: Provider | undefined): void {
    if (before === undefined) return;
    const owner = before.tags[OwnershipTag.Namespace];
    const isTakeover = what === 'take' && decision.action === 'adopt';
    const others = NAMESPACES.filter((other) => other !== by && !(isTakeover && other === owner));
    for (const other of others) {
      const tags = tagsOf(other, before.tags);
      if (Object.keys(tags).length === 0) continue;
      expect(tagsOf(other, this.provider?.tags ?? {})).toEqual(tags);
      const part = [...(this.#parts.get(other) ?? [])].filter((id) => before.clientIds.includes(id));
      expect(this.provider?.clientIds).toEqual(expect.arrayContaining(part));
    }
    if (this.provider === undefined) {
      expect(otherSharers(observed(before), by)).toEqual([]);
      expect(this.#creator).toBe(by);
    }
  }

  /** Keeps account of parts: what a namespace declared and still is there, as long as its tag is there. */
  #recordParts(step: Action, { decision }: Assessment, before: Provider | undefined): void {
    const { provider } = this;
    if (provider === undefined) {
      this.#parts.clear();
      this.#nobodys.clear();
      this.#replaced.clear();
      this.#creator = undefined;
      return;
    }
    if (before === undefined) this.#creator = step.by;
    const isPart = (by: Namespace): boolean => Object.hasOwn(provider.tags, sharedByTag(by));
    const hasClaim = Object.hasOwn(provider.tags, sharedByTag(step.by));
    if ('clientIds' in step && decision.action !== 'refuse' && hasClaim && this.#isClaimWritten(step, before)) {
      const earlier = [...(this.#parts.get(step.by) ?? [])].filter((id) => (before?.clientIds ?? []).includes(id));
      this.#parts.set(step.by, new Set([...step.clientIds, ...earlier]));
    }
    for (const by of NAMESPACES) {
      const part = this.#parts.get(by);
      if (part === undefined || isPart(by)) continue;
      this.#parts.delete(by);
      // What a namespace released belongs to nobody from now on.
      const others = [...this.#parts.values()];
      const lost = step.by === by ? this.#nobodys : this.#replaced;
      for (const id of part) {
        if (provider.clientIds.includes(id) && !others.some((other) => other.has(id))) lost.add(id);
      }
    }
    if (Object.keys(provider.tags).every((tag) => !isOwnershipTag(tag))) this.#creator = undefined;
  }

  /** The tags come before the members, so a claim that is as it will be has been written. */
  #isClaimWritten(step: Action, before: Provider | undefined): boolean {
    const { tags } = assessed(step, before);
    const claim = tags[sharedByTag(step.by)];
    return claim === undefined || this.provider?.tags[sharedByTag(step.by)] === claim;
  }

  /** What was there before any namespace declared it stays. */
  #expectNobodysContent(): void {
    if (this.provider === undefined) return;
    expect(this.provider.clientIds).toEqual(
      expect.arrayContaining([...this.#nobodys].filter((id) => !this.#replaced.has(id))),
    );
  }
}

const by = fc.constantFrom(...NAMESPACES);
const clientIds = fc.subarray(CLIENT_IDS);
const writes = fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, fc.nat({ max: 5 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('share', 'own', 'take'), by, clientIds, writes }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('leave', 'destroy', 'release'), by, writes }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('add by hand', 'remove by hand'),
      clientId: fc.constantFrom(...CLIENT_IDS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('create by hand' as const), clientIds }) },
);

test('in any history nobody loses a tag or a part to another namespace, and what was there before stays', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const model = new Model();
      for (const next of steps) model.take(next);
      model.leaveAll();
    }),
    { numRuns: Number(process.env['SHARING_HISTORIES'] ?? 300) },
  );
});

import fc from 'fast-check';
import { HAND_NAMES } from './hands.js';
import type { Declaration, EntityName, Event, History, Namespace, RunSpec, Step } from './history.js';

/** Operations that events aim at: the moments between which races lie. */
const AIMS = [
  'GetAccountAuthorizationDetails',
  'GetRole',
  'GetInstanceProfile',
  'GetOpenIDConnectProvider',
  'ListPolicies',
  'CreateRole',
  'CreateUser',
  'CreatePolicy',
  'CreateInstanceProfile',
  'CreateOpenIDConnectProvider',
  'CreateVirtualMFADevice',
  'CreateGroup',
  'CreatePolicyVersion',
  'UpdateAssumeRolePolicy',
  'PutRolePolicy',
  'DeleteRolePolicy',
  'AttachRolePolicy',
  'DetachRolePolicy',
  'PutRolePermissionsBoundary',
  'DeleteRolePermissionsBoundary',
  'TagRole',
  'AddRoleToInstanceProfile',
  'RemoveRoleFromInstanceProfile',
  'AddClientIDToOpenIDConnectProvider',
  'TagOpenIDConnectProvider',
  'UntagOpenIDConnectProvider',
  'DeleteRole',
  'DeleteInstanceProfile',
  'DeleteUser',
  'DeleteOpenIDConnectProvider',
  'UpdateAccountPasswordPolicy',
] as const;

/** Returns an object with some of the given properties, each with its own arbitrary. */
function some<T extends object>(properties: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(properties, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const rarely = fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

const arbitraryAttached = fc.constantFrom(
  [],
  ['read'],
  ['ReadOnlyAccess'],
  ['AdministratorAccess'],
  ['read', 'PowerUserAccess'],
  ['AdministratorAccess', 'ReadOnlyAccess'],
);
const arbitraryInline = fc.constantFrom(
  {},
  { state: ['s3:GetObject'] },
  { state: ['s3:GetObject', 's3:PutObject'] },
  { pass: ['iam:PassRole'] },
);
const arbitraryBoundary = fc.constantFrom(null, 'ReadOnlyAccess', 'PowerUserAccess');

type Properties = Omit<Declaration, 'entity' | 'state' | 'adopt' | 'observe' | 'shared' | 'unmanaged' | 'replace'>;

const PROPERTIES: Readonly<Record<EntityName, fc.Arbitrary<Properties>>> = {
  'Role/deploy': some<Properties>({
    trust: fc.constantFrom(['111111111111'], ['111111111111', '222222222222'], ['222222222222']),
    boundary: arbitraryBoundary,
    inline: arbitraryInline,
    attached: arbitraryAttached,
    path: fc.constantFrom('/', '/', '/ci/'),
  }),
  'User/robot': some<Properties>({ boundary: arbitraryBoundary, inline: arbitraryInline, attached: arbitraryAttached }),
  'Policy/read': fc.record({ allows: fc.constantFrom(['s3:GetObject'], ['s3:GetObject', 's3:ListBucket']) }),
  'InstanceProfile/machine': fc.record({ members: fc.constantFrom(['deploy'], ['stranger'], []) }),
  'OpenIDConnectProvider/tokens.example': some<Properties>({
    clientIds: fc.constantFrom(['sts'], ['sts', 'other'], ['of-b'], ['by-hand'], []),
  }),
  'VirtualMFADevice/robot': fc.constant({}),
  'Group/people': some<Properties>({ members: fc.constantFrom(['robot'], []), attached: arbitraryAttached }),
  'AccountPasswordPolicy/account': fc.record({ minimumLength: fc.constantFrom(8, 12) }),
};

/** How a declaration treats the entity. Every second one is as plain as possible. */
const arbitraryTreatment = fc
  .record({
    absent: rarely,
    adopt: fc.constantFrom(undefined, undefined, undefined, 'foreign' as const, 'own' as const),
    observe: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    removes: fc.boolean(),
    replaces: rarely,
  })
  .map(({ absent, adopt, observe, removes, replaces }) => ({
    ...(absent ? { state: 'absent' as const } : {}),
    ...(adopt === undefined ? {} : { adopt }),
    ...(observe ? { observe: true as const } : {}),
    ...(removes ? { unmanaged: 'remove' as const } : {}),
    ...(replaces ? { replace: true as const } : {}),
  }));

function arbitraryDeclaration(entity: EntityName): fc.Arbitrary<Declaration> {
  const canShare = entity.startsWith('OpenID');
  return fc.tuple(PROPERTIES[entity], arbitraryTreatment, fc.boolean()).map(([properties, treatment, shared]) => ({
    entity,
    ...treatment,
    ...(canShare && shared ? { shared: true as const } : {}),
    ...(treatment.state === undefined || canShare ? properties : {}),
  }));
}

/** Entities that are declared together. Few at a time: their interplay is small, and a history costs less. */
const arbitraryEntities: fc.Arbitrary<readonly EntityName[]> = fc.constantFrom(
  ['Role/deploy'],
  ['Role/deploy'],
  ['OpenIDConnectProvider/tokens.example'],
  ['OpenIDConnectProvider/tokens.example'],
  ['OpenIDConnectProvider/tokens.example', 'Role/deploy'],
  ['InstanceProfile/machine'],
  ['InstanceProfile/machine', 'Role/deploy'],
  ['Role/deploy', 'Policy/read'],
  ['Policy/read'],
  ['User/robot', 'VirtualMFADevice/robot'],
  ['User/robot', 'VirtualMFADevice/robot'],
  ['User/robot'],
  ['User/robot', 'Group/people'],
  ['AccountPasswordPolicy/account'],
);

const arbitraryNamespace: fc.Arbitrary<Namespace> = fc.constantFrom('a', 'a', 'a', 'b', 'b', 'c');

function arbitraryRun(entities: readonly EntityName[]): fc.Arbitrary<RunSpec> {
  const declares = fc.tuple(...entities.map(arbitraryDeclaration)).chain((all) => fc.subarray(all, { minLength: 1 }));
  return fc
    .record({
      namespace: arbitraryNamespace,
      declares,
      command: fc.constantFrom(...Array<undefined>(8).fill(undefined), 'release' as const, 'destroy' as const),
      keepGoing: rarely,
      removeUnmanaged: rarely,
      approval: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        'approve' as const,
        'approve' as const,
        'reject' as const,
      ),
      revision: fc.constantFrom(undefined, undefined, undefined, 1, 2),
      environment: fc.constantFrom(undefined, undefined, 'dev', 'prod'),
    })
    .map(({ namespace, declares: declared, command, keepGoing, removeUnmanaged, approval, revision, environment }) => ({
      namespace,
      ...(command === undefined ? {} : { command }),
      declares: withoutAbsentMembers(declared),
      ...(keepGoing ? { keepGoing: true as const } : {}),
      ...(removeUnmanaged ? { removeUnmanaged: true as const } : {}),
      ...(approval === undefined ? {} : { approval }),
      ...(revision === undefined ? {} : { revision }),
      ...(environment === undefined ? {} : { environment }),
    }));
}

/** Validation refuses a reference to an entity that the same manifest removes. */
function withoutAbsentMembers(declares: readonly Declaration[]): readonly Declaration[] {
  const absent = new Set(declares.flatMap(({ entity, state }) => (state === 'absent' ? [entity.split('/')[1]] : [])));
  return declares.map((declaration) => {
    const { members, ...rest } = declaration;
    return members === undefined ? rest : { ...rest, members: members.filter((name) => !absent.has(name)) };
  });
}

const arbitraryMoment = fc.oneof(
  { weight: 1, arbitrary: fc.record({ call: fc.integer({ min: 1, max: 16 }) }) },
  { weight: 1, arbitrary: fc.record({ before: fc.constantFrom(...AIMS) }) },
);

/** Hands that concern the declared entities, so that few of them are without effect. */
function handsFor(entities: readonly EntityName[]): fc.Arbitrary<string> {
  const names = entities.map((entity) => (entity.startsWith('OpenID') ? 'client ID|the provider' : entity));
  const concerned = HAND_NAMES.filter((name) => new RegExp([...names, 'nothing'].join('|')).test(name));
  return fc.constantFrom(...(concerned.length > 0 ? concerned : ['set the password policy']));
}

function arbitraryEvent(entities: readonly EntityName[]): fc.Arbitrary<Event> {
  const happening = fc.oneof(
    { weight: 5, arbitrary: handsFor(entities).map((hand) => ({ hand })) },
    { weight: 1, arbitrary: fc.constant({ fault: 'the reply is lost' as const }) },
    { weight: 1, arbitrary: fc.constant({ fault: 'the call is lost' as const }) },
    { weight: 2, arbitrary: fc.constant({ fault: 'access is denied' as const }) },
    { weight: 1, arbitrary: fc.constantFrom(5, 60).map((seconds) => ({ fault: 'AWS throttles' as const, seconds })) },
    { weight: 2, arbitrary: fc.constantFrom(1, 2, 5).map((writes) => ({ fault: 'a read is stale' as const, writes })) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        { fault: 'the worker dies before it' as const },
        { fault: 'the worker dies after it' as const },
        { fault: 'the worker is suspended' as const },
      ),
    },
    { weight: 2, arbitrary: fc.constant({ fault: 'the run is terminated' as const }) },
    { weight: 1, arbitrary: fc.constant({ fault: 'the run is cancelled' as const }) },
  );
  return fc.tuple(happening, arbitraryMoment).map(([what, moment]) => ({ ...what, ...moment }));
}

/** Returns what happens in a step: single events, and a run that is ended while it waits or stands still. */
function arbitraryEvents(entities: readonly EntityName[]): fc.Arbitrary<readonly Event[]> {
  const ended = fc
    .record({
      call: fc.integer({ min: 2, max: 10 }),
      obstacle: fc.constantFrom(
        { fault: 'AWS throttles' as const, seconds: 60 },
        { fault: 'the worker is suspended' as const },
        { fault: 'the reply is lost' as const },
      ),
      end: fc.constantFrom('the run is terminated' as const, 'the run is cancelled' as const),
    })
    .map(({ call, obstacle, end }): Event[] => [
      { ...obstacle, call },
      { fault: end, call: call + 1 },
    ]);
  const single = arbitraryEvent(entities).map((event) => [event]);
  const some = fc.oneof({ weight: 6, arbitrary: single }, { weight: 1, arbitrary: ended });
  return fc.array(some, { maxLength: 3 }).map((events) => events.flat());
}

function arbitraryStep(entities: readonly EntityName[]): fc.Arbitrary<Step> {
  const run = arbitraryRun(entities);
  const step = fc
    .record({
      run,
      beside: fc.oneof(
        { weight: 6, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constant('the same' as const) },
        { weight: 2, arbitrary: run },
      ),
      from: fc.integer({ min: 1, max: 12 }),
      events: arbitraryEvents(entities),
      order: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 8 }),
    })
    .map(({ run: first, beside, from, events, order }): Step => ({
      run: first,
      ...(beside === undefined ? {} : { beside: { ...(beside === 'the same' ? first : beside), from } }),
      ...(events.length === 0 ? {} : { events }),
      // A run that was ended before may still have a call on the way.
      ...(order.length === 0 ? {} : { order }),
    }));
  return fc.oneof(
    { weight: 4, arbitrary: step },
    { weight: 1, arbitrary: handsFor(entities).map((hand) => ({ hand })) },
  );
}

/** Histories of a few steps about a few entities. */
export const arbitraryHistory: fc.Arbitrary<History> = arbitraryEntities
  .chain((entities) =>
    fc.tuple(
      fc.array(arbitraryStep(entities), { minLength: 1, maxLength: 5, size: 'max' }),
      rarely,
      fc.nat({ max: 3 }),
    ),
  )
  .map(([steps, isRepeated, position]) => (isRepeated ? withRepeat(steps, position) : steps));

/** Returns a history in which one run is asked for once more, with nothing in between. */
function withRepeat(steps: History, position: number): History {
  const index = position % steps.length;
  const step = steps[index];
  if (step === undefined || !('run' in step)) return steps;
  return [...steps.slice(0, index + 1), { run: step.run }, ...steps.slice(index + 1)];
}

import fc from 'fast-check';
import type { DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import { evaluateRequest } from '../../../src/guardrails/evaluate.js';
import {
  judgeEntity,
  judgeRequest,
  type JudgedEntity,
  type JudgedRequest,
  type Judgement,
  type WrittenGuardrails,
  type WrittenRules,
} from '../../support/guardrails-judge.js';
import { guardrailsFrom, scopeOf, violationsOf } from '../../support/guardrails.js';

/*
 * Random guardrails, requests and entities. The evaluation must refuse what the judge refuses, and nothing else but what
 * the documentation calls caution.
 */

const RUNS = 2_500;
const SEED = 20_261_129;

const some = <T>(values: readonly T[], max = 3): fc.Arbitrary<T[]> =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: max });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });

/** Leaves out what is undefined, at every depth. */
function written<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const KINDS = ['Role', 'User', 'Group', 'Policy', 'InstanceProfile'] as const;
const NAME_KEYS = {
  Role: 'roleName',
  User: 'userName',
  Group: 'groupName',
  Policy: 'policyName',
  InstanceProfile: 'instanceProfileName',
};
const NAMES = ['ci-a', 'ci-b', 'CI-a', 'ops-a', 'boundary', 'Boundary', 'prod', 'pr*d'];
const NAME_PATTERNS = [
  'ci-*',
  '*-a',
  'ci-?',
  '{{namespace}}-*',
  '{{environment}}',
  'Role/ci-*',
  'User/*',
  'Group/ops-a',
  'prod',
];
const PATHS = ['/', '/ci/', '/ci/x/', '/ops/'];
const ACCOUNTS = ['111111111111', '222222222222'];

const service = fc.constantFrom('s', 't', 's*', '?', 'st', '*', '?t');
const actionName = fc.constantFrom('a', 'b', 'ab', 'a*', '*b', '?', '??', '*', 'a?b', '*a*', '?*', 'A', 'B*');
const action = fc.tuple(service, actionName).map(([one, name]) => `${one}:${name}`);

const grants = fc.record({
  denyActions: maybe(fc.uniqueArray(action, { minLength: 1, maxLength: 2 })),
  denyWildcardAction: maybe(fc.constantFrom(true, false, 'service' as const)),
  denyManagedPolicies: maybe(
    some(['AdministratorAccess', '*FullAccess', 'job/*', 'arn:aws:iam::{{account}}:policy/own', 'own']),
  ),
  allowManagedPolicies: maybe(some(['ReadOnly*', 'readonlyaccess', 'arn:aws:iam::{{account}}:policy/*', 'job/*'])),
});

const trust = fc.record({
  denyAnyone: maybe(fc.boolean()),
  accounts: maybe(some(['222222222222', '333333333333'])),
  providers: maybe(some(['token.actions.githubusercontent.com', 'idp.*', 'arn:aws:iam::{{account}}:oidc-provider/*'])),
  requireSubject: maybe(some(['token.actions.githubusercontent.com', '*.example.com'])),
});

const decision = fc.constantFrom('allow' as const, 'deny' as const);

const ruleSet = fc.record({
  namespaces: maybe(some(['ci', 'ci-*', '{{environment}}-*', 'ops'])),
  entities: maybe(
    fc.record({
      kinds: maybe(fc.record({ allow: maybe(some(KINDS, 4)), deny: maybe(some(KINDS, 2)) })),
      names: maybe(some(NAME_PATTERNS)),
      paths: maybe(some(['/', '/ci/*', '/{{namespace}}/', '/*/'])),
    }),
  ),
  permissionsBoundary: maybe(
    fc.record({
      required: fc.constantFrom(
        'arn:aws:iam::111111111111:policy/boundary',
        'arn:{{partition}}:iam::{{account}}:policy/ops/boundary',
      ),
    }),
  ),
  grants: maybe(grants),
  trust: maybe(trust),
  adopt: maybe(fc.record({ foreign: decision })),
  destroy: maybe(decision),
  replace: maybe(decision),
  unmanaged: maybe(fc.record({ remove: decision })),
}) as fc.Arbitrary<WrittenRules>;

const guardrails: fc.Arbitrary<WrittenGuardrails> = fc
  .record({
    rules: ruleSet,
    accounts: fc.dictionary(
      fc.constantFrom('111111111111', '222222222222', '*'),
      fc.tuple(ruleSet, maybe(some(['dev', 'p*']))),
      { minKeys: 1, maxKeys: 2 },
    ),
    isShort: fc.boolean(),
  })
  .map(({ rules, accounts, isShort }) =>
    written({
      version: 1 as const,
      accounts: Object.fromEntries(
        Object.entries(accounts).map(([id, [own, environments]]) => [
          id,
          { ...(isShort ? {} : own), ...(environments === undefined ? {} : { environments }) },
        ]),
      ),
      ...rules,
    }),
  );

const request: fc.Arbitrary<JudgedRequest> = fc.record({
  account: fc.constantFrom(...ACCOUNTS),
  namespace: fc.constantFrom('ci', 'ci-x', 'prod-x', '*', 'ops'),
  environment: fc.constantFrom('prod', 'dev', '*'),
});

const oneOrMore = (one: fc.Arbitrary<string>): fc.Arbitrary<string | string[]> =>
  fc.oneof(one, fc.array(one, { minLength: 1, maxLength: 2 }));

const document = fc
  .array(
    fc.record({
      Effect: fc.constantFrom('Allow', 'Allow', 'Allow', 'Deny'),
      actions: oneOrMore(fc.oneof({ weight: 6, arbitrary: action }, { weight: 1, arbitrary: fc.constant('*') })),
      isExcept: fc.nat(4).map((number) => number === 0),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((statements) => ({
    Version: '2012-10-17',
    Statement: statements.map(({ Effect, actions, isExcept }) => ({
      Effect,
      [isExcept ? 'NotAction' : 'Action']: actions,
      Resource: '*',
    })),
  }));

const PROVIDERS = ['token.actions.githubusercontent.com', 'idp.example.com'];

const condition = fc
  .array(
    fc.record({
      operator: fc.constantFrom(
        'StringEquals',
        'StringLike',
        'StringEqualsIgnoreCase',
        'StringLikeIfExists',
        'ForAllValues:StringLike',
        'ForAnyValue:StringEquals',
        'StringNotEquals',
      ),
      key: fc.constantFrom(...PROVIDERS.flatMap((one) => [`${one}:sub`, `${one}:aud`, `${one}:SUB`])),
      values: fc.array(
        fc.constantFrom(
          'repo:acme/a:ref:main',
          'repo:acme/*',
          'repo:acme/?:ref:*',
          'repo:acme*',
          'repo:*',
          '*',
          'repo:*/a:*',
          'sts.amazonaws.com',
        ),
        { minLength: 1, maxLength: 2 },
      ),
    }),
    { maxLength: 2 },
  )
  .map((parts) => {
    const block: Record<string, JsonObject> = {};
    for (const { operator, key, values } of parts) block[operator] = { ...block[operator], [key]: values };
    return block;
  });

const principal = fc.oneof(
  fc.constant('*'),
  fc.record({ AWS: oneOrMore(fc.constantFrom('111111111111', 'arn:aws:iam::333333333333:root', '222222222222', '*')) }),
  fc.constant({ Service: 'ec2.amazonaws.com' }),
  fc.record({
    Federated: fc
      .tuple(fc.constantFrom(...ACCOUNTS.slice(0, 1)), fc.constantFrom(...PROVIDERS))
      .map(([owner, issuer]) => `arn:aws:iam::${owner}:oidc-provider/${issuer}`),
  }),
);

const trustPolicy = fc
  .array(
    fc.record({
      Effect: fc.constantFrom('Allow', 'Allow', 'Deny'),
      who: principal,
      isExcept: fc.nat(9).map((number) => number === 0),
      Condition: condition,
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((statements) => ({
    Version: '2012-10-17',
    Statement: statements.map(({ Effect, who, isExcept, Condition }) => ({
      Effect,
      [isExcept ? 'NotPrincipal' : 'Principal']: who,
      Action: 'sts:AssumeRole',
      Condition,
    })),
  }));

const POLICIES = [
  'arn:aws:iam::aws:policy/AdministratorAccess',
  'arn:aws:iam::aws:policy/ReadOnlyAccess',
  'arn:aws:iam::aws:policy/job/S3FullAccess',
  'arn:aws:iam::111111111111:policy/own',
  'arn:aws:iam::111111111111:policy/x/OWN',
];
const BOUNDARIES = [
  'arn:aws:iam::111111111111:policy/boundary',
  'arn:aws:iam::111111111111:policy/ops/boundary',
  'arn:aws:iam::222222222222:policy/ops/boundary',
];

const entity: fc.Arbitrary<JudgedEntity> = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    name: fc.constantFrom(...NAMES),
    renamedFrom: maybe(fc.constantFrom(...NAMES)),
    state: fc.constantFrom('present', 'present', 'present', 'absent', 'released', 'destroyed'),
    observe: fc.nat(9).map((number) => number === 0),
    adopt: fc.constantFrom('own', 'unowned', 'foreign'),
    replace: fc.boolean(),
    unmanaged: fc.constantFrom('keep' as const, 'remove' as const),
    existingPath: fc.option(fc.constantFrom(...PATHS)),
    path: maybe(fc.constantFrom(...PATHS)),
    boundary: maybe(fc.constantFrom(...BOUNDARIES)),
    document,
    trustPolicy,
    attached: fc.uniqueArray(fc.constantFrom(...POLICIES), { maxLength: 2 }),
    declaredPolicies: fc.constantFrom<readonly string[]>([], ['arn:aws:iam::111111111111:policy/own']),
    members: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
  })
  .map(({ path, boundary, document: granted, trustPolicy: trusted, attached, members, ...one }) => {
    const own: Readonly<Record<string, object>> = {
      Role: {
        permissionsBoundary: boundary,
        assumeRolePolicyDocument: trusted,
        inlinePolicies: { p: granted },
        managedPolicyArns: attached,
      },
      User: { permissionsBoundary: boundary, inlinePolicies: { p: granted }, managedPolicyArns: attached },
      Group: { users: members, inlinePolicies: { p: granted }, managedPolicyArns: attached },
      Policy: { policyDocument: granted },
      InstanceProfile: { roles: members.slice(0, 1) },
    };
    const spec = { [NAME_KEYS[one.kind]]: one.name, path, ...(one.state === 'present' ? own[one.kind] : {}) };
    return { ...one, spec: written(spec) as unknown as JsonObject };
  });

/** Returns the rules that were refused, without the account and without the position in a list. */
function rulesOf(violations: readonly { readonly rule: string }[]): ReadonlySet<string> {
  return new Set(
    violations.map(
      ({ rule }) => rule.replace(/^accounts(\.\d+|\["\*"\])\.?/, '').replace(/\[\d+\]$/, '') || 'accounts',
    ),
  );
}

/** Compares what was refused with the judgement. */
function expectJudged(found: ReadonlySet<string>, { must, may }: Judgement): void {
  const missed = [...must].filter((rule) => !found.has(rule));
  const invented = [...found].filter((rule) => !must.has(rule) && !may.has(rule));
  expect({ missed, invented }).toEqual({ missed: [], invented: [] });
}

function scopeFor({ account, namespace, environment }: JudgedRequest): ReturnType<typeof scopeOf> {
  return scopeOf({ target: { account }, namespace, environment });
}

/** Evaluates one entity, and returns whether the judge refuses it. */
function compare(file: WrittenGuardrails, asked: JudgedRequest, one: JudgedEntity): boolean {
  const { kind, spec, existingPath, declaredPolicies, ...more } = one;
  const observed = existingPath === null ? null : { state: { path: existingPath } };
  const options = { ...more, scope: scopeFor(asked), observed, declaredPolicies };
  const found = violationsOf(guardrailsFrom(JSON.stringify(file)), kind, spec, options as Partial<DesiredEntity>);
  const judgement = judgeEntity(file, asked, one);
  expectJudged(rulesOf(found), judgement);
  return judgement.must.size > 0;
}

const OWN: Pick<WrittenGuardrails, 'version' | 'accounts'> = { version: 1, accounts: { '111111111111': {} } };

/** Guardrails and entities of every kind, and those that are about permissions or trust alone. */
const CASES = [
  ['entities', guardrails, entity],
  [
    'policies',
    grants.map((own) => written({ ...OWN, grants: own }) as WrittenGuardrails),
    document.map((policyDocument) => plain('Policy', { policyName: 'p', policyDocument })),
  ],
  [
    'trust policies',
    trust.map((own) => written({ ...OWN, trust: own }) as WrittenGuardrails),
    trustPolicy.map((assumeRolePolicyDocument) => plain('Role', { roleName: 'r', assumeRolePolicyDocument })),
  ],
] as const;

function plain(kind: string, spec: object): JudgedEntity {
  const rest = { state: 'present', observe: false, adopt: 'own', replace: false, unmanaged: 'keep' } as const;
  return { kind, name: 'r', ...rest, spec: spec as JsonObject, existingPath: null, declaredPolicies: [] };
}

test.each(CASES)('%s are refused as a second, independent judge refuses them', (_what, files, entities) => {
  let refused = 0;
  fc.assert(
    fc.property(files, request, entities, (file, asked, one) => {
      refused += compare(file, { ...asked, ...(one.name === 'r' ? { account: '111111111111' } : {}) }, one) ? 1 : 0;
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // A generator that refuses everything, or nothing, would find no fault.
  expect(refused).toBeGreaterThan(RUNS / 10);
  expect(refused).toBeLessThan((RUNS * 9) / 10);
});

test('requests are refused as the judge refuses them', () => {
  fc.assert(
    fc.property(guardrails, request, (file, asked) => {
      const parsed = guardrailsFrom(JSON.stringify(file));
      expectJudged(rulesOf(evaluateRequest(parsed, scopeFor(asked))), judgeRequest(file, asked));
    }),
    { numRuns: 1_000, seed: SEED },
  );
});

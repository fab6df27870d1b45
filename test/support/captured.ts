import fc from 'fast-check';
import { writeManifest } from '../../src/client/capture/write-manifest.js';
import type { WriteOptions, WrittenManifest } from '../../src/client/capture/written-manifest.js';
import type { CapturedEntity } from '../../src/contract/capture.js';
import { entityId, type DesiredEntity, type Json, type JsonObject } from '../../src/contract/entity.js';
import { compare, unmanagedContent } from '../../src/engine/compare.js';
import { resolveReferences } from '../../src/engine/references.js';
import { withTagKeysOf } from '../../src/engine/tag-keys.js';
import { findKind, KINDS } from '../../src/kinds/index.js';
import type { Kind } from '../../src/kinds/kind.js';
import { KIND_FIXTURES } from './kind-fixtures/index.js';
import { resolveSources } from './manifests.js';

/** The account of captured entities. */
export const ACCOUNT = '111111111111';

/** Options for a manifest of the account. */
export const WRITE_OPTIONS: WriteOptions = {
  target: { account: ACCOUNT, partition: 'aws' },
  namespace: 'estate',
  environment: 'dev',
  format: 'yaml',
};

/** Returns an entity as a worker captures it from a spec: with AWS's defaults, without secrets. */
export function capturedOf(
  kindName: string,
  { tags = {}, ...declared }: JsonObject,
  fixed: Partial<CapturedEntity> = {},
): CapturedEntity {
  const kind = kindOf(kindName);
  const hidden = Object.keys(declared).filter(
    (property) => kind.properties[property]?.type === 'writeOnly' && !kind.keyProperties.includes(property),
  );
  const shown = Object.entries(declared).filter(([property]) => !hidden.includes(property));
  const defaults = Object.entries(kind.properties).flatMap(([property, { default: unset }]): [string, Json][] =>
    unset === undefined || unset === null ? [] : [[property, unset]],
  );
  const spec = { ...Object.fromEntries(defaults), ...Object.fromEntries(shown) };
  return {
    kind: kindName,
    name: kind.nameOf(spec),
    arn: kind.arnOf(spec, WRITE_OPTIONS.target),
    spec,
    tags: tags as Record<string, string>,
    isOurs: false,
    createdAt: '2024-05-01T00:00:00.000Z',
    missing: hidden,
    ...fixed,
  };
}

function kindOf(name: string): Kind {
  const kind = findKind(name);
  if (kind === undefined) throw new RangeError(`no kind ${name}`);
  return kind;
}

/** Returns the entities that a written manifest declares, as `plan` reads it. */
export function declaredBy({ files, manifests }: WrittenManifest): readonly DesiredEntity[] {
  const texts = Object.fromEntries(files.map(({ path, text }) => [path, text]));
  const sources = manifests.map((file) => ({ file, text: texts[file] ?? '' }));
  const result = resolveSources(sources, {}, texts);
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 2));
  return result.request.entities;
}

/** Returns what a plan would change of captured entities, and what they hold that the manifest does not declare. */
export function differences(written: WrittenManifest): readonly string[] {
  const { captured, notDeclared } = written;
  const arns = Object.fromEntries(captured.map((entity) => [entityId(entity), entity.arn]));
  return declaredBy(written).flatMap((desired, index) => {
    const entity = captured[index];
    if (entity?.kind !== desired.kind) return [`${entityId(desired)} is not captured`];
    const kind = kindOf(desired.kind);
    const { properties: rules, nameOf } = kind;
    const spec = resolveReferences(desired.spec, arns);
    const { name, arn, createdAt, spec: state } = entity;
    const observed = withTagKeysOf({ name, arn, createdAt, tags: entity.tags, state }, spec, kind);
    const { drift } = compare(spec, observed, {
      rules,
      partition: 'aws',
      removesUnmanaged: () => false,
      shared: false,
    });
    const known = new Set(
      notDeclared.filter((part) => entityId(part) === entityId(entity)).map(({ property }) => property),
    );
    const unmanaged = unmanagedContent(rules, spec, observed)
      .filter(({ property }) => rules[property]?.setByAws !== true && !known.has(property))
      .filter(({ line }) => !known.has(line.replace(': ', '.')));
    return [
      ...(nameOf(spec).toLowerCase() === name.toLowerCase() ? [] : [`${name} is called ${nameOf(spec)}`]),
      ...drift.map(({ path }) => `${entityId(desired)}: ${path}`),
      ...unmanaged.map(({ line }) => `${entityId(desired)}: ${line}`),
    ];
  });
}

/** Returns the manifest of entities for {@link WRITE_OPTIONS}. */
export function write(entities: readonly CapturedEntity[], options: Partial<WriteOptions> = {}): WrittenManifest {
  return writeManifest(entities, { ...WRITE_OPTIONS, ...options });
}

/** Texts that mean something to YAML, to templates, to IAM or to a terminal. */
const HOSTILE = [
  '{{account}}',
  "{{'{{'}}",
  '{{arn Role/a}}',
  '{{{',
  '}}',
  '${aws:username}',
  '${{ secrets.X }}',
  `$${ACCOUNT}`,
  `{${ACCOUNT}}`,
  ACCOUNT,
  `1${ACCOUNT}`,
  'yes',
  '~',
  '0777',
  '1e3',
  '2012-10-17',
  '# no comment',
  '- item',
  'it\'s "quoted"',
  'a: b',
  'line\nbreak',
  ' space ',
  '\\back\\slash',
  'é ÿ',
  'arn:aws:s3:::x',
  '%7B',
  '&anchor',
  '*',
  '!tag',
  '',
];

const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.array(fc.constantFrom(...HOSTILE), { maxLength: 3 }).map((parts) => parts.join('')),
);

/** Names that differ in punctuation only, that Windows keeps, or that hold the account. */
const name = fc.oneof(
  fc.constantFrom('a', 'a-b', 'a_b', 'a+b', 'a=b', 'a,b', 'a.b', 'a@b', 'A-b', 'con', '-', '.', '..', 'yes', '1e3'),
  fc.constantFrom(`x-${ACCOUNT}`, 'null', '__proto__', 'constructor', '007'),
  fc.stringMatching(/^[\w+=,.@-]{1,12}$/),
);

const path = fc.constantFrom('/', '/', '/ci/', '/ci/', '/a/b/', `/${ACCOUNT}/`);

const tags = fc.dictionary(
  fc.constantFrom('team', 'Team', 'cost center', 'aws:cloudformation:x', 'iam-bootstrap:origin', 'é', 'x:y/z'),
  fc.constantFrom('platform', 'platform', '', 'a b', ACCOUNT, 'yes', '{{account}}'),
  { maxKeys: 4 },
);

/** Tags whose keys differ in more than case, as IAM has them on roles and users. */
const foldedTags = tags.map(({ Team, ...others }) =>
  others['team'] !== undefined ? others : { ...others, ...(Team === undefined ? {} : { Team }) },
);

/** A role, user or policy of the account, as other entities name it. */
interface Names {
  readonly roles: readonly string[];
  readonly users: readonly string[];
  readonly policies: readonly string[];
}

function arnsOf({ roles, users, policies }: Names): readonly string[] {
  const arn = (type: string) => (one: string) => `arn:aws:iam::${ACCOUNT}:${type}/ci/${one}`;
  return [...roles.map(arn('role')), ...users.map(arn('user')), ...policies.map(arn('policy'))];
}

function oneOf(values: readonly string[], ...others: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.oneof(...(values.length === 0 ? [] : [fc.constantFrom(...values)]), ...others);
}

function permissions(names: Names): fc.Arbitrary<JsonObject> {
  const object = text.map((one) => `arn:aws:s3:::assets-${ACCOUNT}/${one}`);
  const resource = oneOf(arnsOf(names), object, fc.constant('*'));
  const statement = fc.record(
    {
      Sid: fc.stringMatching(/^[A-Z][a-z\d]{8}$/),
      Effect: fc.constantFrom('Allow', 'Deny'),
      Action: fc.oneof(fc.constant('s3:GetObject'), fc.constant(['s3:GetObject', 'sqs:*'])),
      Resource: fc.oneof(resource, fc.array(resource, { minLength: 1, maxLength: 3 })),
      Condition: fc.record({
        StringEquals: fc.dictionary(fc.constantFrom('aws:PrincipalTag/x', 'aws:SourceAccount'), text, { minKeys: 1 }),
      }),
    },
    { requiredKeys: ['Effect', 'Action', 'Resource'] },
  );
  return documentOf(statement);
}

function documentOf(statement: fc.Arbitrary<unknown>): fc.Arbitrary<JsonObject> {
  return fc.record({
    Version: fc.constant('2012-10-17'),
    Statement: fc.oneof(statement, fc.array(statement, { minLength: 1, maxLength: 3 })),
  }) as fc.Arbitrary<JsonObject>;
}

function trust(names: Names): fc.Arbitrary<JsonObject> {
  const principal = oneOf(
    arnsOf({ ...names, policies: [] }),
    fc.constantFrom(ACCOUNT, '222222222222', 'AROAEXAMPLEID1234567'),
  );
  return documentOf(
    fc.record({
      Effect: fc.constant('Allow'),
      Principal: fc.oneof(
        fc.constant({ Service: 'ec2.amazonaws.com' }),
        fc.record({ AWS: fc.oneof(principal, fc.array(principal, { minLength: 1, maxLength: 2 })) }),
      ),
      Action: fc.constant('sts:AssumeRole'),
    }),
  );
}

const unique = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(name, { maxLength, selector: (one) => one.toLowerCase() });

/** An account with entities that name each other, texts that are hard to write, and some of the other kinds. */
export const anAccount: fc.Arbitrary<readonly CapturedEntity[]> = fc
  .record({ roles: unique(5), users: unique(3), policies: unique(5) })
  .chain((names) => fc.tuple(fc.tuple(...entitiesOf(names)), others))
  .map(([entities, more]) => [...entities, ...more]);

/** Kinds whose texts are drawn. */
const DRAWN: readonly string[] = ['Policy', 'Role', 'User', 'Group', 'InstanceProfile'];

/** Entities of all other kinds, one of each at most, with some of the properties of their fixtures and hard tags. */
const others: fc.Arbitrary<readonly CapturedEntity[]> = fc
  .tuple(
    ...KINDS.filter(({ name: kind }) => !DRAWN.includes(kind)).map((kind) => fc.option(otherOf(kind), { freq: 2 })),
  )
  .map((drawn) => drawn.filter((entity) => entity !== null));

/** Tags that an entity of a kind can have at the same time. */
function tagsOf({ ignoresTagKeyCase = false }: Kind): typeof tags {
  return ignoresTagKeyCase ? foldedTags : tags;
}

function otherOf(kind: Kind): fc.Arbitrary<CapturedEntity> {
  const { minimal, full, sibling = minimal, properties } = KIND_FIXTURES[kind.name] ?? {};
  if (minimal === undefined || full === undefined) throw new RangeError(`${kind.name} has no fixture`);
  // A settings kind must declare something, and some properties need others: all of them, or those that IAM asks for.
  const spec = fc.constantFrom(minimal, full, sibling ?? minimal).chain((declared: JsonObject) => {
    const changed = Object.entries(properties ?? {}).flatMap(([property, law]) =>
      declared[property] === undefined ? [] : [[property, fc.constantFrom(declared[property], law.changed)] as const],
    );
    const values = fc.record({ ...Object.fromEntries(changed), ...(kind.ownable ? { tags: tagsOf(kind) } : {}) });
    return values.map((drawn) => ({ ...declared, ...(drawn as JsonObject) }));
  });
  return spec.map((values) => capturedOf(kind.name, values));
}

function entitiesOf(names: Names): fc.Arbitrary<CapturedEntity>[] {
  const policyArns = arnsOf({ roles: [], users: [], policies: names.policies });
  const attached = fc.uniqueArray(oneOf(policyArns, fc.constant('arn:aws:iam::aws:policy/ReadOnlyAccess')), {
    maxLength: 3,
  });
  const boundary = oneOf(policyArns, fc.constant(`arn:aws:iam::${ACCOUNT}:policy/x`));
  const permissionsBoundary = fc.oneof(fc.constant(null), boundary);
  const inlinePolicies = fc.dictionary(name, permissions(names), { maxKeys: 2, noNullPrototype: true });
  const common = { path: fc.oneof({ weight: 3, arbitrary: fc.constant('/ci/') }, path), tags };
  const entity = (kind: string, spec: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<CapturedEntity> =>
    fc.record(spec).map((values) => capturedOf(kind, values as JsonObject));
  return [
    ...names.policies.map((policyName) =>
      entity('Policy', {
        policyName: fc.constant(policyName),
        ...common,
        description: text,
        policyDocument: permissions(names),
      }),
    ),
    ...names.roles.map((roleName) =>
      entity('Role', {
        roleName: fc.constant(roleName),
        ...common,
        tags: foldedTags,
        description: text,
        maxSessionDuration: fc.constantFrom(3600, 7200),
        assumeRolePolicyDocument: trust(names),
        permissionsBoundary,
        inlinePolicies,
        managedPolicyArns: attached,
      }),
    ),
    ...names.users.map((userName) =>
      entity('User', {
        userName: fc.constant(userName),
        ...common,
        tags: foldedTags,
        permissionsBoundary,
        inlinePolicies,
        managedPolicyArns: attached,
      }),
    ),
    entity('Group', {
      groupName: name,
      path,
      users: fc.subarray([...names.users]),
      inlinePolicies,
      managedPolicyArns: attached,
    }),
    entity('InstanceProfile', {
      instanceProfileName: name,
      ...common,
      roles: fc.subarray([...names.roles], { maxLength: Math.min(1, names.roles.length) }),
    }),
  ];
}

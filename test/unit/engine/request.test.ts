import type { JsonObject } from '../../../src/contract/entity.js';
import { checkRequest } from '../../../src/engine/request.js';
import { KINDS } from '../../../src/kinds/index.js';
import { role, trusting } from '../../support/manifests-of.js';
import { resolveText } from '../../support/manifests.js';

const SOUND = requestOf([role('deploy'), role('other')]);

function requestOf(entities: readonly JsonObject[]): JsonObject {
  const environments = { dev: { account: '111111111111' } };
  const result = resolveText(JSON.stringify({ version: 1, namespace: 'ci', environments, entities }));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return { ...result.request, digest: 'sha256:0', key: 'key' } as unknown as JsonObject;
}

/** The request with one of its two entities changed. */
function withEntity(index: number, more: JsonObject): JsonObject {
  const entities = SOUND['entities'] as readonly JsonObject[];
  return { ...SOUND, entities: entities.map((one, at) => (at === index ? { ...one, ...more } : one)) };
}

const [FIRST = {}] = SOUND['entities'] as readonly JsonObject[];
const SPEC = FIRST['spec'] as JsonObject;
const CIRCLE = ['Role/other', 'Role/deploy'].map((needed, index) => {
  const entities = withEntity(index, { dependsOn: [needed] })['entities'] as readonly JsonObject[];
  return entities[index] ?? {};
});

const USERS = requestOf([
  { kind: 'User', userName: 'a' },
  { kind: 'User', userName: 'b' },
]);
const RENAMED = {
  ...USERS,
  entities: (USERS['entities'] as readonly JsonObject[]).map((one, index) =>
    index === 1 ? { ...one, renamedFrom: 'A' } : one,
  ),
};

test('a request of this version is accepted', () => {
  expect(checkRequest(SOUND, KINDS)).toBeNull();
});

test.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /malformed/],
  ['null', null, /malformed/],
  ['text', 'deploy', /malformed/],
  ['a list', [], /malformed/],
  ['an empty object', {}, /version/],
  ['a request without a target', { ...SOUND, target: null }, /target/],
  ['a request whose entities are no list', { ...SOUND, entities: 'all' }, /entities/],
  ['a request of another version', { ...SOUND, version: 2 }, /version/],
  ['an account of three digits', { ...SOUND, target: { account: '123', partition: 'aws' } }, /account/],
  ['a namespace that no workflow ID can hold', { ...SOUND, namespace: 'a b/c' }, /namespace/],
  ['an entity that is null', { ...SOUND, entities: [null] }, /entities\.0/],
  ['an unknown kind', withEntity(0, { kind: 'Robot' }), /Robot\/deploy: this worker does not know the kind Robot/],
  ['an unknown field', withEntity(0, { spec: { ...SPEC, colour: 'red' } }), /Role\/deploy: .*colour/],
  ['a malformed document', withEntity(0, { spec: { ...SPEC, inlinePolicies: { a: 1 } } }), /Role\/deploy: .*inlineP/],
  ['a name other than that of the spec', withEntity(0, { name: 'deploi' }), /Role\/deploi: .* another name: deploy/],
  ['one entity twice', withEntity(1, FIRST), /Role\/deploy is declared twice/],
  [
    'a rename of what cannot be renamed',
    withEntity(0, { kind: 'Role', state: 'absent', spec: { roleName: 'deploy' }, renamedFrom: 'old' }),
    /Role\/deploy: cannot be renamed/,
  ],
  ['a rename from a declared entity', RENAMED, /User\/A is declared, or renamed, twice/],
  [
    'a reference to nothing',
    withEntity(0, { spec: { ...SPEC, assumeRolePolicyDocument: trusting({ AWS: '{{arn User/nobody}}' }) } }),
    /Role\/deploy: \{\{arn User\/nobody\}\}/,
  ],
  [
    'entities that depend on each other',
    { ...SOUND, entities: CIRCLE },
    /Role\/deploy, Role\/other depend on each other/,
  ],
])('%s is refused, with what is wrong', (_title, request, problem) => {
  expect(checkRequest(request, KINDS)).toMatch(problem);
});

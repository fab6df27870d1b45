import fc from 'fast-check';
import type { Json, JsonObject } from '../../../../../src/contract/entity.js';
import { resolveManifest, type ManifestRequest } from '../../../../../src/engine/manifest/resolve.js';
import { equivalentDocuments } from '../../../../../src/engine/policy/index.js';
import {
  accountOf,
  entityIn,
  filesAfter,
  optionsFor,
  update,
  type Files,
} from '../../../../support/manifest-update.js';

/** A manifest whose values have uses beyond the entities that drift. */
const scene = fc.record({
  /** The production environment: there is none, it resolves, or a file of it is missing. */
  prod: fc.constantFrom<'none' | 'whole' | 'broken'>('none', 'none', 'whole', 'broken'),
  anchor: fc.constantFrom('account', 'namespace', 'variable', 'adopt', 'file', 'tag'),
  /** The file of production is a link to that of development. */
  isLinked: fc.boolean(),
  resources: fc.uniqueArray(fc.constantFrom('arn:aws:s3:::{{org}}-a', 'arn:aws:s3:::b', 'arn:aws:s3:::{{account}}-c'), {
    minLength: 1,
  }),
  isListed: fc.boolean(),
  drift: fc.record({
    alias: fc.option(fc.constantFrom('999999999999', 'other', 'b.json')),
    owner: fc.option(fc.constantFrom('x', 'dev')),
    action: fc.option(fc.constantFrom('s3:*', 's3:PutObject')),
    effect: fc.option(fc.constantFrom('Allow', 'Deny')),
    resource: fc.option(fc.constantFrom<Json>('arn:aws:s3:::tmp', ['arn:aws:s3:::acme-a', 'arn:aws:s3:::tmp'])),
    shared: fc.option(fc.constantFrom('s3:*', 's3:PutObject')),
    arns: fc.option(
      fc.subarray(['arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/acme-x', 'arn:aws:iam::aws:policy/C']),
    ),
    removed: fc.boolean(),
  }),
});
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

const statement = (action: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }] });

function write({ prod, anchor, resources, isListed }: Scene): Files {
  const at = (place: Scene['anchor'], value: string): string => (anchor === place ? `&a ${value}` : value);
  const second = prod === 'none' ? '' : '\n  prod: { account: "222222222222" }';
  const written = resources.map((one) => JSON.stringify(one));
  const text = `version: 1
namespace: ${at('namespace', 'ci')}
environments:
  dev: { account: ${at('account', '"111111111111"')} }${second}
variables: { org: ${at('variable', 'acme')} }
entities:
  - kind: Policy
    policyName: own
    policyDocument: { $file: ${at('file', 'own.json')} }
  - { kind: User, userName: first, adopt: ${at('adopt', 'own')}, tags: { t: ${at('tag', 'x')} } }
  - kind: User
    userName: ann # {{org}}
    tags: { t: ${anchor === 'tag' ? 'x' : '*a'}, owner: "{{org}}", plain: y }
    managedPolicyArns: ["arn:aws:iam::aws:policy/{{org}}-x", "arn:aws:iam::aws:policy/A"]
  - kind: Policy
    policyName: p
    policyDocument:
      Version: "2012-10-17"
      Statement:
        - Sid: X
          Effect: Allow
          Action: s3:GetObject
          Resource: ${isListed || written.length > 1 ? `[${written.join(', ')}]` : (written[0] ?? '')}
  - { kind: Policy, policyName: shared, policyDocument: { $file: "{{environment}}.json" } }
`;
  const files = { 'm.yaml': text, 'own.json': statement('s3:GetObject'), 'b.json': statement('s3:GetObject') };
  const environments = { 'dev.json': statement('s3:GetObject'), 'prod.json': statement('s3:GetObject') };
  return { ...files, 'dev.json': environments['dev.json'], ...(prod === 'whole' && environments) };
}

function requestOf(files: Files, environment: string): ManifestRequest | undefined {
  const options = optionsFor(files, { environment });
  const resolved = resolveManifest([{ file: 'm.yaml', text: files['m.yaml'] ?? '' }], options);
  return resolved.ok ? resolved.request : undefined;
}

function documentIn(request: ManifestRequest | undefined, name: string): JsonObject {
  const spec = request?.entities.find((entity) => entity.name === name)?.spec;
  return spec?.['policyDocument'] as JsonObject;
}

it('changes nothing for other environments, and no document by halves', () => {
  fc.assert(
    fc.property(scene, (drawn) => {
      const { drift, prod, isLinked } = drawn;
      const files = write(drawn);
      const options = { environment: 'dev' };
      const account = accountOf(files, options);
      const ann = entityIn(account, 'User/ann');
      if (drift.alias !== null) ann.tags['t'] = drift.alias;
      if (drift.owner !== null) ann.tags['owner'] = drift.owner;
      if (drift.arns !== null) ann.spec['managedPolicyArns'] = [...drift.arns];
      const { Statement } = entityIn(account, 'Policy/p').spec['policyDocument'] as unknown as { Statement: object[] };
      Object.assign(Statement[0] ?? {}, {
        ...(drift.action !== null && { Action: drift.action }),
        ...(drift.effect !== null && { Effect: drift.effect }),
        ...(drift.resource !== null && { Resource: drift.resource }),
      });
      if (drift.shared !== null)
        entityIn(account, 'Policy/shared').spec['policyDocument'] = JSON.parse(statement(drift.shared)) as Json;
      if (drift.removed) account.delete('User/first');

      const result = update(files, account, {
        options: optionsFor(files, options),
        removed: true,
        identify: (file) => (isLinked ? file.replace('prod.json', 'dev.json') : file),
      });
      const changed = filesAfter(files, result);
      const after =
        isLinked && changed['prod.json'] !== undefined
          ? { ...changed, 'prod.json': changed['dev.json'] ?? '' }
          : changed;

      // Other environments, and what is no content of entities, stay.
      expect(requestOf(after, 'prod')).toEqual(requestOf(files, 'prod'));
      const [before, now] = [requestOf(files, 'dev'), requestOf(after, 'dev')];
      expect({ ...now, entities: [] }).toEqual({ ...before, entities: [] });
      const own = (request: typeof now) =>
        request?.entities.map(({ kind, name, adopt, protect }) => ({ kind, name, adopt, protect }));
      expect(own(now)).toEqual(own(before));
      if (prod === 'broken') expect(result.files).toEqual([]);

      // Each document is that of the manifest, or that of the account.
      for (const name of ['p', 'shared', 'own']) {
        const goal = entityIn(account, `Policy/${name}`).spec['policyDocument'] ?? null;
        const document = documentIn(now, name);
        const isOne = [documentIn(before, name), goal].some((one) =>
          equivalentDocuments(document, one, { partition: 'aws' }),
        );
        expect({ name, document, isOne }).toEqual({ name, document, isOne: true });
      }

      // No template goes but those that are written again.
      const templates = (text = '') => text.match(/\{\{(?:org|environment)\}\}/g);
      expect(templates(after['m.yaml'])).toEqual(templates(files['m.yaml']));

      // What differs still is left to a person.
      const again = update(after, account, { options: optionsFor(after, options), removed: true });
      const told = ({ patches }: typeof result) => patches.map(({ path, to }) => [path, to ?? null]);
      if (!isLinked) {
        expect(again.files).toEqual([]);
        expect(told(again)).toEqual(told(result));
      }
      expect(result.gone.length > 0).toBe(drift.removed);
    }),
    { numRuns: 15 },
  );
});

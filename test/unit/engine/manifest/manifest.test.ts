import { entityId } from '../../../../src/contract/entity.js';
import type { DesiredEntity } from '../../../../src/contract/entity.js';
import type { ManifestOptions, ManifestResult, Problem } from '../../../../src/engine/manifest/resolve.js';
import { collisionsAcross, environmentsOf, validateManifests } from '../../../../src/engine/manifest/validate.js';
import { KINDS } from '../../../../src/kinds/index.js';
import { resolveReferences } from '../../../../src/engine/references.js';
import {
  HEAD,
  malformedManifests,
  manifestOptions,
  resolveSources,
  resolveText,
  validManifest,
} from '../../../support/manifests.js';

function problemsOf(result: ManifestResult): readonly Problem[] {
  return result.ok ? [] : result.problems;
}

function entitiesOf(result: ManifestResult): readonly DesiredEntity[] {
  expect(problemsOf(result)).toEqual([]);
  return result.ok ? result.request.entities : [];
}

/** The one entity of a manifest. */
function onlyEntity(text: string, options?: Partial<ManifestOptions>, files?: Record<string, string>): DesiredEntity {
  const [entity, ...others] = entitiesOf(resolveText(text, options, files));
  expect(others).toEqual([]);
  if (entity === undefined) throw new Error('there is no entity');
  return entity;
}

/** The one problem of a manifest, with its place, in a line. */
function onlyProblem(result: ManifestResult): string {
  const problems = problemsOf(result);
  expect(problems).toHaveLength(1);
  return problems
    .map(({ file, line, column, message, remedy }) => `${file}:${String(line)}:${String(column)} ${message}; ${remedy}`)
    .join('\n');
}

const user = (fields = ''): string => `${HEAD}  - { kind: User, userName: a${fields} }\n`;
const DOCUMENT = '{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] }';

describe('a malformed manifest', () => {
  it.each(malformedManifests)('is refused with place and remedy: %s', (_title, text, problem) => {
    expect(onlyProblem(resolveText(text))).toMatch(problem);
  });

  it('has messages and remedies without a full stop', () => {
    for (const { message, remedy } of malformedManifests.flatMap(([, text]) => problemsOf(resolveText(text)))) {
      expect(message).toMatch(/[^.]$/);
      expect(message).not.toMatch(/^(Invalid|Too|Unrecognized|Expected)/);
      expect(remedy).toMatch(/[^.]$/);
    }
  });

  it.each([
    [
      'deeper than the line above, which has a value',
      '  - kind: User\n    userName: a\n     path: /x/\n',
      '7:6',
      '5 like the text of line 6, or in column 1 or 3',
    ],
    [
      'between two levels',
      '  - kind: User\n    userName: a\n   path: /x/\n',
      '7:4',
      '5 like the text of line 6, or in column 1 or 3',
    ],
    ['beside a dash', '  - kind: User\n  userName: a\n', '6:3', '5 like the text of line 5, or in column 1 or 3'],
    [
      'an item less than the others',
      '  - kind: User\n - kind: User\n',
      '6:2',
      '5 like the text of line 5, or in column 1 or 3',
    ],
    [
      'deeper, after a blank line and a comment',
      '  - kind: User\n    tags:\n      a: b\n\n # c\n       c: d\n',
      '10:8',
      '7 like the text of line 7, or in column 1, 3 or 5',
    ],
  ])('is said to have bad indentation: %s', (_title, entities, place, columns) => {
    const column = place.split(':')[1] ?? '';
    expect(onlyProblem(resolveText(`${HEAD}${entities}`))).toBe(
      `m.yaml:${place} bad indentation: the line begins in column ${column}, and nothing above it does; ` +
        `begin it in column ${columns}`,
    );
  });

  it('has one message for one mistake', () => {
    expect(onlyProblem(resolveText(`${HEAD}  - { kind: User, userNam: a }\n`))).toMatch(/did you mean userName/);
    expect(onlyProblem(resolveText(`${HEAD}  - kind: User\n    userName: a: b\n`))).toMatch(
      /:6:15 text that holds ": " is not in quotes/,
    );
    expect(onlyProblem(resolveText(`${HEAD}  - kind: User\n    userName a\n    path: /x/\n`))).toMatch(
      /:6:5 a colon is missing; write a key and its value as key: value/,
    );
    const role = `${HEAD}  - { kind: Role, roleName: r, trust: { gitub: {} } }\n`;
    expect(onlyProblem(resolveText(role))).toMatch(/trust has no field "gitub"; did you mean github\?/);
  });

  it('has the line of each problem, but no line of what may be a secret', () => {
    const lines = (text: string, files?: Record<string, string>): (string | undefined)[] =>
      problemsOf(resolveText(text, {}, files)).map(({ sourceLine }) => sourceLine);
    expect(lines(`${HEAD}  - kind: Usr\n    userName: a\n`)).toEqual(['  - kind: Usr']);
    expect(lines(`${HEAD}  - kind: User\r\n    userName: [a]\r\n`)).toEqual(['    userName: [a]']);
    expect(lines(`${HEAD}  - { kind: User, userName: a, password: hunter2 }\n`)).toEqual([undefined]);
    const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n';
    const text = `${HEAD}  - { kind: User, userName: u, path: { $file: key.pem } }\n`;
    expect(JSON.stringify(problemsOf(resolveText(text, {}, { 'key.pem': key })))).not.toMatch(/MII|PRIVATE/);
    expect(
      JSON.stringify(problemsOf(resolveText(`${HEAD}  - kind: User\n    path: |\n${key.replace(/^/gm, '      ')}`))),
    ).not.toMatch(/MII/);
  });

  it('has all its problems reported at once, in the order of their places', () => {
    const text = `version: 2
namespace: CI
environments: { dev: { account: 1 } }
entities:
  - { kind: Usr, userName: a }
  - { kind: User, userName: "a b", path: x }
  - { kind: User, userName: "{{nope}}" }
`;
    const places = problemsOf(resolveText(text)).map(({ line, column }) => [line, column]);
    expect(places).toEqual([
      [1, 10],
      [2, 12],
      [3, 33],
      [5, 13],
      [6, 29],
      [6, 42],
      [7, 29],
    ]);
  });

  it('has one mistake in a default reported once, at the default', () => {
    const text = `${HEAD}  - { kind: User, userName: a }\n  - { kind: User, userName: b }\ndefaults: { permissionsBoundary: nope }\n`;
    expect(onlyProblem(resolveText(text))).toMatch(/^m\.yaml:7:34 permissionsBoundary "nope": write an ARN/);
  });

  it('does not blame references for an entity whose own name is wrong', () => {
    const text = `${HEAD}  - { kind: Policy, policyName: "a b", policyDocument: ${DOCUMENT} }
  - { kind: User, userName: u, managedPolicyArns: ["{{arn Policy/ab}}"] }\n`;
    expect(onlyProblem(resolveText(text))).toMatch(/policyName "a b" is not allowed/);
  });
});

describe('the YAML of a manifest', () => {
  it('keeps dates and words such as no as text', () => {
    const text = `${HEAD}  - { kind: Policy, policyName: no, policyDocument: ${DOCUMENT.replace('"2012-10-17"', '2012-10-17')} }\n`;
    expect(onlyEntity(text)).toMatchObject({ name: 'no', spec: { policyDocument: { Version: '2012-10-17' } } });
  });

  it('may be JSON', () => {
    const json = JSON.stringify(
      {
        version: 1,
        namespace: 'ci',
        environments: { dev: { account: '111111111111' } },
        entities: [{ kind: 'User', userName: 'a' }],
      },
      null,
      '\t',
    );
    expect(onlyEntity(json)).toMatchObject({ name: 'a', source: { line: 10 } });
  });

  it('may begin with a byte order mark and end its lines as Windows does', () => {
    expect(onlyEntity(`\uFEFF${user().replaceAll('\n', '\r\n')}`)).toMatchObject({ name: 'a', source: { line: 5 } });
  });

  it('may repeat itself with anchors, aliases and merge keys, where what is written out wins', () => {
    const text = `${HEAD}  - &first { kind: User, userName: a, path: /x/, tags: &tags { t: v } }
  - { <<: *first, userName: b, path: /y/ }
  - { kind: User, userName: c, tags: *tags }
`;
    expect(entitiesOf(resolveText(text)).map(({ spec }) => spec)).toEqual([
      { userName: 'a', path: '/x/', tags: { t: 'v' } },
      { userName: 'b', path: '/y/', tags: { t: 'v' } },
      { userName: 'c', tags: { t: 'v' } },
    ]);
  });

  it('cannot blow up by aliases of aliases', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const items = level === 0 ? '"x"' : Array.from({ length: 10 }, () => `*a${String(level - 1)}`).join(', ');
      return `  a${String(level)}: &a${String(level)} [${items}]\n`;
    });
    const text = `version: 1\nnamespace: ci\nbomb:\n${levels.join('')}`;
    expect(onlyProblem(resolveText(text))).toMatch(/aliases repeat more than 500000 values/);
  });

  it('cannot take the process down by its depth', () => {
    for (const text of ['['.repeat(50_000), '- '.repeat(50_000), '{a: '.repeat(20_000), 'a: '.repeat(50_000)]) {
      expect(onlyProblem(resolveText(text))).toMatch(/more than 100 levels deep/);
    }
  });

  it('is refused where it is longer than anybody would write', () => {
    expect(onlyProblem(resolveText(`# ${'x'.repeat(2_000_000)}`))).toMatch(/characters, more than 2000000/);
  });

  it('leaves names that every object has without effect', () => {
    const text = user(', tags: { constructor: x, toString: y, hasOwnProperty: z }');
    expect(onlyEntity(text).spec['tags']).toEqual({ constructor: 'x', toString: 'y', hasOwnProperty: 'z' });
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('an entity', () => {
  it('has the defaults of its kind', () => {
    const text = `${HEAD}  - { kind: User, userName: u, tags: { TEAM: own, x: "1" } }
  - { kind: Group, groupName: g, path: / }
  - { kind: Policy, policyName: p, policyDocument: ${DOCUMENT}, adopt: foreign, unmanaged: keep }
  - { kind: OpenIDConnectProvider, url: "https://h", shared: true }
defaults: { path: /ci/, tags: { team: platform, y: "2" }, adopt: own, unmanaged: remove, permissionsBoundary: "arn:{{partition}}:iam::{{account}}:policy/b" }
`;
    const [one, group, policy, provider] = entitiesOf(resolveText(text));
    expect(one).toMatchObject({ adopt: 'own', unmanaged: 'remove' });
    expect(one?.spec).toEqual({
      userName: 'u',
      path: '/ci/',
      permissionsBoundary: 'arn:aws:iam::111111111111:policy/b',
      tags: { TEAM: 'own', x: '1', y: '2' },
    });
    expect(group?.spec).toEqual({ groupName: 'g', path: '/' });
    expect(policy).toMatchObject({ adopt: 'foreign', unmanaged: 'keep', spec: { path: '/ci/' } });
    expect(Object.keys(policy?.spec ?? {})).not.toContain('permissionsBoundary');
    // Two namespaces with default tags of their own would never agree on an entity that they share.
    expect(provider?.spec).toEqual({ url: 'https://h' });
  });

  it.each([
    ['Policy', `policyName: p, policyDocument: ${DOCUMENT}`],
    ['InstanceProfile', 'instanceProfileName: p'],
    ['OpenIDConnectProvider', 'url: "https://h"'],
    ['VirtualMFADevice', 'virtualMfaDeviceName: p, secret: { file: s }'],
  ])('of kind %s has two tags where their keys differ in case only', (kind, fields) => {
    const text = `${HEAD}  - { kind: ${kind}, ${fields}, tags: { Team: own, team: other } }
defaults: { tags: { TEAM: platform } }
`;
    const [entity] = entitiesOf(resolveText(text));
    expect(entity?.spec['tags']).toEqual({ TEAM: 'platform', Team: 'own', team: 'other' });
  });

  it('whose tags IAM takes for one may not have two from the defaults either', () => {
    const text = `${user()}defaults: { tags: { Team: a, team: b } }\n`;
    expect(onlyProblem(resolveText(text))).toMatch(
      /m\.yaml:6:30 tag keys Team and team are the same to IAM, which ignores case in those of a User; .*remove one/,
    );
  });

  it('may refuse the default boundary with null', () => {
    const text = `${user(', permissionsBoundary: null')}defaults: { permissionsBoundary: "arn:aws:iam::aws:policy/b" }\n`;
    expect(onlyEntity(text).spec).toEqual({ userName: 'a', permissionsBoundary: null });
  });

  it('may have too many tags only together with the defaults', () => {
    const tags = (prefix: string): string =>
      Array.from({ length: 30 }, (_, index) => `${prefix}${String(index)}: v`).join(', ');
    const text = `${user(`, tags: { ${tags('a')} }`)}defaults: { tags: { ${tags('b')} } }\n`;
    expect(onlyProblem(resolveText(text))).toMatch(/60 tags are more than 44/);
  });

  it('that is to be absent needs its name only, and gets no defaults', () => {
    const text = `${user(', state: absent')}defaults: { path: /ci/, tags: { t: v } }\n`;
    expect(onlyEntity(text)).toMatchObject({ state: 'absent', spec: { userName: 'a' }, dependsOn: [] });
  });

  it('that is shared may say what to take back when it is to be absent', () => {
    const text = `${HEAD}  - { kind: OpenIDConnectProvider, url: "https://h", clientIdList: [x], shared: true, state: absent }\n`;
    expect(onlyEntity(text).spec).toEqual({ url: 'https://h', clientIdList: ['x'] });
  });

  it('keeps a name in the spelling of its declaration, also where it is referred to in another', () => {
    const text = `${HEAD}  - { kind: Policy, policyName: Deploy, policyDocument: ${DOCUMENT} }
  - { kind: User, userName: u, managedPolicyArns: ["{{arn Policy/dEPLOY}}"] }
`;
    expect(entitiesOf(resolveText(text))[1]).toMatchObject({
      spec: { managedPolicyArns: ['{{arn Policy/Deploy}}'] },
      dependsOn: ['Policy/Deploy'],
    });
  });

  it('waits for what its kind says that it needs, where the manifest declares it', () => {
    const text = `${HEAD}  - { kind: Group, groupName: g, users: [Alice, elsewhere] }\n  - { kind: User, userName: alice }\n`;
    expect(entitiesOf(resolveText(text))[0]?.dependsOn).toEqual(['User/alice']);
  });

  it('is checked with the ARNs that its references will have', () => {
    const text = `${HEAD}  - { kind: Policy, policyName: p, path: /ci/, policyDocument: ${DOCUMENT} }
  - { kind: User, userName: u, managedPolicyArns: ["{{arn Policy/p}}"] }
`;
    const seen: unknown[] = [];
    const kinds = KINDS.map((kind) =>
      kind.name === 'User' ? { ...kind, schema: kind.schema.superRefine((spec) => void seen.push(spec)) } : kind,
    );
    entitiesOf(resolveText(text, { kinds }));
    expect(seen).toEqual([{ userName: 'u', managedPolicyArns: ['arn:aws:iam::111111111111:policy/ci/p'] }]);
  });

  it('is adopted as the command line says of it', () => {
    expect(onlyEntity(user(', adopt: own'), { adopt: ['foreign:User/A'] })).toMatchObject({ adopt: 'foreign' });
    expect(onlyProblem(resolveText(user(), { adopt: ['foreign:User/b'] }))).toMatch(
      /^\(command line\):0:0 "User\/b" is not declared; did you mean User\/a/,
    );
    expect(onlyProblem(resolveText(user(), { adopt: ['User/a'] }))).toMatch(/write foreign:Kind\/name/);
  });
});

describe('a request', () => {
  it('holds all that a worker needs, for the environment that was chosen', () => {
    const result = resolveText(validManifest, { environment: 'prod', keepGoing: true });
    expect(result).toMatchObject({
      ok: true,
      warnings: [],
      request: {
        version: 1,
        target: {
          account: '222222222222',
          partition: 'aws',
          assumeRole: 'arn:aws:iam::222222222222:role/iam-bootstrap',
        },
        namespace: 'ci-platform',
        environment: 'prod',
        keepGoing: true,
        manifest: 'm.yaml',
      },
    });
    expect(entitiesOf(result).map((entity) => [entityId(entity), entity.dependsOn, entity.source?.line])).toEqual([
      ['OpenIDConnectProvider/token.actions.githubusercontent.com', [], 9],
      ['Policy/prod-deploy', [], 13],
      ['Role/prod-deploy', ['OpenIDConnectProvider/token.actions.githubusercontent.com', 'Policy/prod-deploy'], 19],
      ['InstanceProfile/deploy', ['Role/prod-deploy'], 33],
      ['Group/people', ['User/alice'], 34],
      ['User/alice', [], 35],
      ['User/legacy-ci', [], 36],
    ]);
  });

  it('leaves policy variables of IAM alone, and warns of those that look like templates', () => {
    const text = user(
      ', tags: { a: "x" }, inlinePolicies: { p: { Version: 2012-10-17, Statement: [{ Effect: Allow, Action: "*", Resource: "arn:aws:s3:::${environment}/${aws:username}" }] } }',
    );
    const result = resolveText(text);
    expect(JSON.stringify(entitiesOf(result))).toContain('arn:aws:s3:::${environment}/${aws:username}');
    expect(result.warnings).toEqual([
      expect.objectContaining({
        line: 5,
        message: '${environment} is a variable of IAM policies, not a template',
        remedy: "write {{environment}} if the manifest's environment is meant",
      }),
    ]);
  });

  it('has references that the worker can resolve', () => {
    const [, , role] = entitiesOf(resolveText(validManifest, { environment: 'dev' }));
    const resolved = resolveReferences(role?.spec ?? {}, {
      'OpenIDConnectProvider/token.actions.githubusercontent.com': 'arn:one',
      'Policy/dev-deploy': 'arn:two',
    });
    expect(JSON.stringify(resolved)).not.toContain('{{');
  });

  it('is for the only environment where none was asked for', () => {
    expect(resolveText(user())).toMatchObject({ request: { environment: 'dev' } });
    expect(onlyProblem(resolveText(validManifest))).toMatch(
      /^m\.yaml:3:1 there are 2 environments: dev, prod; choose one with --environment/,
    );
    expect(onlyProblem(resolveText(validManifest, { environment: 'prd' }))).toMatch(/did you mean prod/);
  });

  it('has the values of --var in place of those of the manifest, as data', () => {
    const text = `${user(', tags: { a: "{{org}}" }')}variables: { org: acme }\n`;
    expect(onlyEntity(text, { variables: { org: '=x+' } })).toMatchObject({ spec: { tags: { a: '=x+' } } });
  });

  it('is refused for a --var that no manifest declares, or that holds a template', () => {
    const text = `${user(', tags: { a: "{{org}}" }')}variables: { org: acme }\n`;
    expect(onlyProblem(resolveText(text, { variables: { orgg: 'x' } }))).toMatch(/did you mean org/);
    expect(onlyProblem(resolveText(text, { variables: { org: '{{arn Role/x}}' } }))).toMatch(/contains \{\{/);
  });

  it('warns of a variable that nothing uses', () => {
    expect(resolveText(`${user()}variables: { org: acme }\n`).warnings).toEqual([
      expect.objectContaining({ line: 6, column: 14, message: 'variable org is not used' }),
    ]);
  });
});

describe('a file that a manifest refers to', () => {
  const policy = (file: string): string =>
    `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: "${file}" } }\n`;

  it('stands in for a value, its templates rendered', () => {
    const files = { 'policies/dev.json': DOCUMENT.replace('"*"', '"arn:{{partition}}:s3:::x"') };
    expect(onlyEntity(policy('policies/{{environment}}.json'), {}, files).spec['policyDocument']).toEqual({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::x' }],
    });
  });

  it('stands in for an entity, and for the defaults', () => {
    const files = { 'e.yaml': 'kind: User\nuserName: "{{environment}}-u"\n', 'd.yaml': 'path: /ci/\n' };
    const text = `${HEAD}  - { $file: e.yaml }\ndefaults: { $file: d.yaml }\n`;
    expect(onlyEntity(text, {}, files)).toMatchObject({
      name: 'dev-u',
      spec: { path: '/ci/' },
      source: { file: 'e.yaml', line: 1 },
    });
  });

  it('has braces as text where it quotes them, as the manifest itself', () => {
    const written = DOCUMENT.replace('"*"', `"arn:aws:s3:::{{'{{'}}arn}}/{{partition}}"`);
    const expected = JSON.parse(DOCUMENT.replace('"*"', '"arn:aws:s3:::{{arn}}/aws"')) as unknown;
    expect(onlyEntity(policy('p.json'), {}, { 'p.json': written }).spec['policyDocument']).toEqual(expected);
    const inline = `${HEAD}  - { kind: Policy, policyName: p, policyDocument: ${written} }\n`;
    expect(onlyEntity(inline).spec['policyDocument']).toEqual(expected);
  });

  it('is taken as plain text if its name ends in neither .yaml nor .json', () => {
    const text = `${HEAD}  - { kind: Policy, policyName: p, description: { $file: about.txt }, policyDocument: { $file: p.json } }\n`;
    const about = 'key: "value" # {{environment}}\n--- %\n';
    expect(onlyEntity(text, {}, { 'about.txt': about, 'p.json': DOCUMENT }).spec['description']).toBe(about);
    const told = onlyProblem(resolveText(text, {}, { 'about.txt': '', 'p.json': DOCUMENT }));
    expect(told).toMatch(/^about\.txt:1:1 the file is empty/);
  });

  it('does not show a private key that was put in its place by mistake', () => {
    const key = '-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n';
    const text = `${HEAD}  - { kind: User, userName: u, path: { $file: key.pem } }\n`;
    const told = onlyProblem(resolveText(text, {}, { 'key.pem': key }));
    expect(told).toMatch(/path/);
    expect(told).not.toContain('MII');
    expect(told).not.toContain('PRIVATE');
  });

  it('has its own mistakes told by its own lines', () => {
    const told = (content: string): string =>
      onlyProblem(resolveText(policy('sub/p.json'), {}, { 'sub/p.json': content }));
    expect(
      told('{\n  "Version": "2012-10-17",\n  "Statement": [{ "Effect": "Alow", "Action": "*", "Resource": "*" }]\n}'),
    ).toMatch(/^sub\/p\.json:3:29 policyDocument\.Statement\[0\]\.Effect/);
    expect(told('{\n  "a": 1,\n  "a": 2\n}')).toMatch(/^sub\/p\.json:3:3 "a" appears twice/);
    expect(told(DOCUMENT.replace('"s3:*"', '\n  "{{nope}}"'))).toMatch(/^sub\/p\.json:2:3 template \{\{nope\}\}/);
    expect(told('{ "a": { "$file": "other.json" } }')).toMatch(/^sub\/p\.json:1:10 \$file is inside an included file/);
    expect(told('')).toMatch(/^sub\/p\.json:1:1 the file is empty/);
  });

  it('is told from where the manifest is', () => {
    const sources = [{ file: 'infra/iam/m.yaml', text: policy('./p.json') }];
    expect(onlyProblem(resolveSources(sources, {}, { './p.json': '{' }))).toMatch(/^infra\/iam\/p\.json:/);
  });
});

describe('several manifests in one call', () => {
  const one = { file: 'a.yaml', text: user() };
  const two = (text: string): { file: string; text: string } => ({ file: 'b.yaml', text });

  it('make one request', () => {
    const role = `${HEAD}  - { kind: Group, groupName: g, users: [a] }\n`;
    const entities = entitiesOf(resolveSources([one, two(role)]));
    expect(entities.map(({ name, dependsOn, source }) => [name, dependsOn, source?.file])).toEqual([
      ['a', [], 'a.yaml'],
      ['g', ['User/a'], 'b.yaml'],
    ]);
  });

  it('have to be of one namespace', () => {
    const text = user().replace('namespace: ci', 'namespace: other').replace('userName: a', 'userName: b');
    expect(onlyProblem(resolveSources([one, two(text)]))).toMatch(
      /^b\.yaml:2:12 namespace other differs from ci in a\.yaml; apply one namespace per call/,
    );
  });

  it('have to agree on what to do with orphans, which an option decides for all', () => {
    const other = user()
      .replace('userName: a', 'userName: b')
      .replace('namespace: ci', 'orphans: remove\nnamespace: ci');
    expect(onlyProblem(resolveSources([one, two(other)]))).toMatch(
      /^b\.yaml:\d+:\d+ orphans: remove differs from report in a\.yaml; set the same in both manifests/,
    );
    const invalid = other.replace('orphans: remove', 'orphans: delete');
    expect(onlyProblem(resolveSources([two(invalid)]))).toMatch(
      /^b\.yaml:2:10 orphans "delete" is not one of report, /,
    );
    for (const orphans of [undefined, 'report'] as const) {
      const resolved = resolveSources([two(other)], { orphans });
      expect(resolved).toMatchObject({ ok: true, request: { orphans: orphans ?? 'remove' } });
    }
  });

  it('have to agree on the environments', () => {
    const other = user().replace('userName: a', 'userName: b');
    expect(onlyProblem(resolveSources([one, two(other.replace('111111111111', '222222222222'))]))).toMatch(
      /^b\.yaml:3:17 environment dev differs from the one at a\.yaml:3:17/,
    );
    const more = other.replace('{ dev:', '{ prod: { account: "222222222222" }, dev:');
    expect(onlyProblem(resolveSources([one, two(more)], { environment: 'dev' }))).toMatch(
      /^b\.yaml:3:17 environment prod is not declared in a\.yaml/,
    );
    expect(onlyProblem(resolveSources([two(more), one], { environment: 'dev' }))).toMatch(
      /^a\.yaml:3:1 environment prod of b\.yaml is not declared here/,
    );
  });

  it('cannot declare one entity twice', () => {
    expect(onlyProblem(resolveSources([one, two(user())]))).toMatch(
      /^b\.yaml:5:29 User\/a is declared twice, first at a\.yaml:5:5/,
    );
  });

  it('have variables and defaults of their own', () => {
    const text = (value: string, name: string): string =>
      `${HEAD}  - { kind: User, userName: ${name}, tags: { v: "{{x}}" } }\nvariables: { x: ${value} }\ndefaults: { path: /${value}/ }\n`;
    const entities = entitiesOf(resolveSources([{ file: 'a.yaml', text: text('one', 'a') }, two(text('two', 'b'))]));
    expect(entities.map(({ spec }) => spec)).toEqual([
      { userName: 'a', path: '/one/', tags: { v: 'one' } },
      { userName: 'b', path: '/two/', tags: { v: 'two' } },
    ]);
  });

  it('cannot be the same one, or none', () => {
    expect(problemsOf(resolveSources([one, one]))[0]?.message).toBe('the file is given more than once');
    expect(onlyProblem(resolveSources([]))).toMatch(/no manifest was given/);
  });
});

describe('a manifest made by a program', () => {
  const base = { version: 1, namespace: 'ci', environments: { dev: { account: '111111111111' } } };

  it('is checked like any other, by the structure for want of lines', () => {
    const value = {
      ...base,
      entities: [
        { kind: 'User', userName: 'a', path: undefined },
        { kind: 'User', userNam: 'b' },
      ],
    };
    expect(problemsOf(resolveSources([{ file: 'm.ts', value }]))).toEqual([
      expect.objectContaining({ line: 0, column: 0, path: 'entities[1].userNam', remedy: 'did you mean userName?' }),
    ]);
  });

  it.each([
    ['a function', () => 1, /type function is not JSON/],
    ['a big integer', 1n, /type bigint is not JSON/],
    ['a date', new Date(0), /object of a class/],
    ['a map', new Map(), /object of a class/],
    ['no number', Number.NaN, /NaN is not JSON/],
    ['undefined in a list', [undefined], /type undefined is not JSON/],
    [
      'a getter that throws',
      Object.defineProperty({}, 'x', {
        enumerable: true,
        get: () => {
          throw new Error('ha');
        },
      }),
      /threw: ha/,
    ],
  ])('cannot hold %s', (_, part: unknown, message) => {
    expect(onlyProblem(resolveSources([{ file: 'm.ts', value: { ...base, entities: [], x: part } }]))).toMatch(message);
  });

  it('cannot hold itself', () => {
    const value: Record<string, unknown> = { ...base };
    value['entities'] = [value];
    expect(onlyProblem(resolveSources([{ file: 'm.ts', value }]))).toMatch(/the value contains itself/);
  });

  it('may be a function, which learns the account once its environments are known', () => {
    const seen: unknown[] = [];
    const produce = (context: { account: string; environment: string }): unknown => {
      seen.push(context);
      return { ...base, entities: [{ kind: 'User', userName: `u-${context.account}-${context.environment}` }] };
    };
    expect(entitiesOf(resolveSources([{ file: 'm.ts', produce }]))[0]?.name).toBe('u-111111111111-dev');
    expect(seen).toEqual([
      { environment: '', account: '', partition: '', variables: {} },
      { environment: 'dev', account: '111111111111', partition: 'aws', variables: {} },
    ]);
  });

  it('is refused where it throws', () => {
    const produce = (): never => {
      throw Object.assign(new Error('no such team'), { line: 7, column: 3 });
    };
    expect(onlyProblem(resolveSources([{ file: 'm.ts', produce }]))).toMatch(
      /^m\.ts:7:3 the manifest threw: no such team/,
    );
  });
});

describe('validation across environments', () => {
  const head = HEAD.replace('} }', '}, prod: { account: "111111111111" } }');
  const validate = (...texts: string[]): string[] =>
    validateManifests(
      texts.map((text, index) => ({ file: `${String(index)}.yaml`, text })),
      manifestOptions,
    ).problems.map(({ file, line, message, remedy }) => `${file}:${String(line)} ${message}; ${remedy}`);

  it('knows the environments', () => {
    expect(environmentsOf([{ file: 'm.yaml', text: validManifest }])).toEqual(['dev', 'prod']);
    expect(environmentsOf([{ file: 'm.yaml', text: '[' }])).toEqual([]);
  });

  it('finds two environments that map to one name in one account', () => {
    expect(validate(`${head}  - { kind: User, userName: a }\n`)).toEqual([
      '0.yaml:5 User/a of environment prod is User/a of environment dev at 0.yaml:5:5, too: both map to account 111111111111; put {{environment}} in the name',
    ]);
    expect(validate(`${head}  - { kind: User, userName: "{{environment}}-a" }\n`)).toEqual([]);
  });

  it('finds two namespaces that map to one name in one account, in whatever case', () => {
    const other = user().replace('namespace: ci', 'namespace: other').replace('userName: a', 'userName: A');
    expect(validate(user(), other)).toEqual([
      expect.stringMatching(
        /^1\.yaml:5 User\/A of namespace other \(dev\) is User\/a of namespace ci \(dev\) at 0\.yaml/,
      ),
    ]);
  });

  it('lets namespaces share, watch, and both remove', () => {
    const both = (entity: string): string[] =>
      validate(`${HEAD}  - ${entity}\n`, `${HEAD.replace('namespace: ci', 'namespace: other')}  - ${entity}\n`);
    expect(both('{ kind: OpenIDConnectProvider, url: "https://h", shared: true }')).toEqual([]);
    expect(both('{ kind: User, userName: a, observe: true }')).toEqual([]);
    expect(both('{ kind: User, userName: a, state: absent }')).toEqual([]);
    expect(both('{ kind: User, userName: a }')).toHaveLength(1);
  });

  it('tells a mistake once, however many environments have it', () => {
    expect(validate(`${head}  - { kind: User, userName: "{{environment}} a", pat: x }\n`)).toHaveLength(3);
    expect(validate(`${head}  - { kind: User, pat: x, userName: "{{environment}}" }\n`)).toHaveLength(1);
  });

  it('gives what it has resolved', () => {
    const { resolved, ok } = validateManifests([{ file: 'm.yaml', text: validManifest }], manifestOptions);
    expect(ok).toBe(true);
    expect(resolved.map(({ request }) => request.environment)).toEqual(['dev', 'prod']);
    expect(collisionsAcross(resolved)).toEqual([]);
  });

  it('takes a variable of one namespace for that one only', () => {
    const other = user().replace('namespace: ci', 'namespace: other').replace('userName: a', 'userName: "{{who}}"');
    const sources = [
      { file: 'a.yaml', text: user() },
      { file: 'b.yaml', text: `${other}variables: { who: x }\n` },
    ];
    expect(validateManifests(sources, { ...manifestOptions, variables: { who: 'b' } }).problems).toEqual([]);
    expect(validateManifests(sources, { ...manifestOptions, variables: { what: 'b' } }).problems).toHaveLength(1);
  });
});

describe('suppressFindings', () => {
  const entity = (fields: string): string => `${HEAD}  - { ${fields} }\n`;
  const user = (suppressions: string): string => entity(`kind: User, userName: u, suppressFindings: ${suppressions}`);

  it('is kept with the code and the reason of each', () => {
    expect(onlyEntity(user('[{ code: NEW_ACCESS, reason: "asked for in {{environment}}" }]'))).toMatchObject({
      suppressFindings: [{ code: 'NEW_ACCESS', reason: 'asked for in dev' }],
    });
  });

  it.each<[string, string, RegExp]>([
    ['no reason', user('[{ code: A }]'), /suppressFindings\[0\].*reason/],
    ['an empty reason', user('[{ code: A, reason: " " }]'), /say why the finding is accepted/],
    ['a pattern', user('[{ code: "*", reason: r }]'), /write the code of a finding/],
    ['a code twice', user('[{ code: A, reason: r }, { code: A, reason: s }]'), /A is suppressed twice; keep one/],
    [
      'a kind without policies',
      entity('kind: AccessKey, userName: u, secret: { file: f }, suppressFindings: [{ code: A, reason: r }]'),
      /an entity of kind AccessKey has no policy with findings; remove suppressFindings/,
    ],
  ])('is refused with %s', (_title, text, problem) => {
    expect(onlyProblem(resolveText(text))).toMatch(problem);
  });
});

describe('renamedFrom', () => {
  const entities = (...lines: readonly string[]): string => `${HEAD}${lines.map((line) => `  - ${line}\n`).join('')}`;

  it('is kept for a kind that can be renamed, and templates are rendered in it', () => {
    const text = entities('{ kind: User, userName: b, renamedFrom: "{{environment}}-a" }');
    expect(onlyEntity(text)).toMatchObject({ name: 'b', renamedFrom: 'dev-a', spec: { userName: 'b' } });
  });

  it('tells what refers to an entity that is made anew which reference it replaces', () => {
    const text = entities(
      '{ kind: Policy, policyName: b, policyDocument: &d { Statement: [{ Effect: Allow, Action: "s3:*", Resource: "*" }], Version: "2012-10-17" }, renamedFrom: a }',
      '{ kind: User, userName: u, managedPolicyArns: ["{{arn Policy/b}}"] }',
      '{ kind: User, userName: v, renamedFrom: w }',
      '{ kind: Group, groupName: g, users: [v] }',
    );
    const former = entitiesOf(resolveText(text)).map(({ formerReferences }) => formerReferences);
    expect(former).toEqual([undefined, ['Policy/a'], undefined, undefined]);
  });

  it.each<[string, readonly string[], RegExp]>([
    [
      'a kind without a name of its own',
      ['{ kind: LoginProfile, userName: b, secret: { file: f }, renamedFrom: a }'],
      /^m\.yaml:5:74 an entity of kind LoginProfile cannot be renamed; remove renamedFrom/,
    ],
    [
      'an absent entity',
      ['{ kind: User, userName: b, state: absent, renamedFrom: a }'],
      /^m\.yaml:5:60 an entity that is absent is not renamed; remove renamedFrom/,
    ],
    ['its own name', ['{ kind: User, userName: b, renamedFrom: b }'], /^m\.yaml:5:45 "b" is its name already; remove/],
    [
      'its own name in another case',
      ['{ kind: User, userName: b, renamedFrom: B }'],
      /^m\.yaml:5:45 "B" and "b" differ in case only, .*; keep the name as it exists, or rename it to another one/,
    ],
    [
      'no name',
      ['{ kind: User, userName: b, renamedFrom: "a b" }'],
      /^m\.yaml:5:45 "a b" is no name of .* User; use letters/,
    ],
    [
      'the name of another entity',
      ['{ kind: User, userName: a }', '{ kind: User, userName: b, renamedFrom: A }'],
      /^m\.yaml:6:45 User\/A is declared at m\.yaml:5:5, so that nothing can be renamed from it; remove renamedFrom, or/,
    ],
    [
      'the old name of another entity',
      ['{ kind: User, userName: b, renamedFrom: a }', '{ kind: User, userName: c, renamedFrom: A }'],
      /^m\.yaml:6:45 another entity is renamed from User\/A, at m\.yaml:5:45; remove renamedFrom from one of them/,
    ],
  ])('is refused: %s', (_title, lines, problem) => {
    expect(onlyProblem(resolveText(entities(...lines)))).toMatch(problem);
  });
});

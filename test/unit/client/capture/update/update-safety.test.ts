import { mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realPathsIn } from '../../../../../src/client/capture/update/real-paths.js';
import { updateManifest, type ManifestUpdate } from '../../../../../src/client/capture/update/update-manifest.js';
import type { UpdateInput } from '../../../../../src/client/capture/update/update-input.js';
import type { ManifestOptions } from '../../../../../src/engine/manifest/resolve.js';
import {
  accountOf,
  allow,
  entityIn,
  filesAfter,
  optionsFor,
  update,
  type Editable,
  type Files,
} from '../../../../support/manifest-update.js';

const ENVIRONMENTS = 'environments: { dev: { account: "111111111111" }, prod: { account: "222222222222" } }\n';
const ONE = 'version: 1\nnamespace: ci\nenvironments: { dev: { account: "111111111111" } }\n';
const TWO = `version: 1\nnamespace: ci\n${ENVIRONMENTS}`;
const ARN = (name: string): string => `arn:aws:iam::aws:policy/${name}`;

/** The first lines of a role's trust policy, whose statement follows. */
const TRUST = `  - kind: Role
    roleName: r
    assumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
`;

/** What an update makes of a manifest whose account has changed. */
function taken(
  files: Files,
  change: (entity: (id: string) => Editable, account: Map<string, Editable>) => void,
  input: Partial<UpdateInput> = {},
  options: Partial<ManifestOptions> = {},
): ManifestUpdate & { readonly text: string } {
  const account = accountOf(files, options);
  change((id) => entityIn(account, id), account);
  const result = update(files, account, { options: optionsFor(files, options), ...input });
  return { ...result, text: filesAfter(files, result)['m.yaml'] ?? '' };
}

function reasons({ patches }: Pick<ManifestUpdate, 'patches'>): string[] {
  return patches.map(({ reason }) => reason);
}

describe('an environment or a fleet that cannot be checked', () => {
  const entities = `entities:
  - { kind: User, userName: ann, managedPolicyArns: [${ARN('A')}] }
  - { kind: Policy, policyName: own, policyDocument: { $file: "{{environment}}.json" } }
`;
  const files = { 'm.yaml': TWO + entities, 'dev.json': JSON.stringify(allow('s3:GetObject')) };
  const attach = (entity: (id: string) => Editable): void => {
    entity('User/ann').spec['managedPolicyArns'] = [ARN('A'), ARN('B')];
  };
  const reason = 'environment prod could not be checked: $file "prod.json" cannot be read: there is no such file';

  it('may use every value, so a person decides', () => {
    const result = taken(files, attach, {}, { environment: 'dev' });
    expect(result.files).toEqual([]);
    expect(reasons(result)).toEqual([reason]);
  });

  it('may use an entity that is gone', () => {
    const result = taken(files, (_, account) => account.delete('User/ann'), { removed: true }, { environment: 'dev' });
    expect(result).toMatchObject({ files: [], gone: [{ isDeclaredAbsent: false }], patches: [{ reason }] });
  });

  it('is left aside where the change is meant for all', () => {
    const result = taken(files, attach, { everywhere: true }, { environment: 'dev' });
    expect(result.text).toContain(`[${ARN('A')}, ${ARN('B')}]`);
  });

  it('may be a fleet whose files have the names of accounts', () => {
    const fleet = `${ONE}fleets:
  all: { accounts: { ids: ["333333333333"] }, assumeRole: "arn:aws:iam::{{account}}:role/x" }
${entities.replace('environment', 'account')}`;
    const own = { 'm.yaml': fleet, '111111111111.json': files['dev.json'], '333333333333.json': files['dev.json'] };
    const result = taken(own, attach, {}, { environment: 'dev' });
    expect(result.files).toEqual([]);
    expect(reasons(result)[0]).toMatch(/^fleet all could not be checked: /);
  });

  it('may be one of a program, which is asked for the chosen environment first', () => {
    const sources = [
      {
        file: 'm.ts',
        produce: ({ environment }: { readonly environment: string }) => {
          if (environment === '') throw new Error('which environment?');
          return {
            version: 1,
            namespace: 'ci',
            environments: { dev: { account: '111111111111' }, prod: { account: '222222222222' } },
            entities: [{ kind: 'Policy', policyName: 'p', policyDocument: { $file: 'p.json' } }],
          };
        },
      },
    ];
    const own = { 'p.json': JSON.stringify(allow('s3:GetObject')) };
    const options = optionsFor(own, { environment: 'dev' });
    const item = {
      ...entityIn(accountOf(files, { environment: 'dev' }), 'Policy/own'),
      name: 'p',
      spec: { policyName: 'p', policyDocument: allow('s3:*') },
    };
    const result = updateManifest({ sources, options, items: [item], unread: [] });
    expect(result).toMatchObject({ files: [], patches: [{ reason: 'environment prod uses it, too' }] });
  });
});

describe('an anchor that stands outside of the content of entities', () => {
  it.each([
    [
      'the account of an environment',
      `${ONE.replace('"111111111111"', '&a "111111111111"')}entities:\n  - { kind: User, userName: ann, tags: { t: *a } }\n`,
    ],
    ['the namespace', `${ONE.replace('ci', '&a ci')}entities:\n  - { kind: User, userName: ann, tags: { t: *a } }\n`],
    [
      'a field that is no property',
      `${ONE}entities:\n  - { kind: User, userName: ann, adopt: &a own, tags: { t: *a } }\n`,
    ],
    ['the name', `${ONE}entities:\n  - { kind: User, userName: &a ann, tags: { t: *a } }\n`],
    [
      'the path of a file',
      `${ONE}entities:\n  - { kind: Policy, policyName: p, policyDocument: { $file: &a a.json }, tags: { t: *a } }\n`,
    ],
    [
      'a variable',
      `${ONE}variables: { v: &a x }\nentities:\n  - { kind: User, userName: ann, tags: { t: *a, mail: "{{v}}" } }\n`,
    ],
  ])('is kept: %s', (_, text) => {
    const json = JSON.stringify(allow('s3:GetObject'));
    const files = { 'm.yaml': text, 'a.json': json, 'b.json': json };
    const result = taken(files, (_entity, account) => {
      for (const entity of account.values()) entity.tags['t'] = 'b.json';
    });
    expect(result.files).toEqual([]);
    expect(result.patches).toMatchObject([{ to: 'b.json' }]);
  });
});

describe('the changes of a document', () => {
  const files = {
    'm.yaml': `${ONE}variables: { org: acme }
entities:
  - kind: Policy
    policyName: p
    policyDocument:
      Version: "2012-10-17"
      Statement:
        - { Sid: X, Effect: Deny, Action: s3:DeleteObject, Resource: "arn:aws:s3:::{{org}}-backup/*" }
  - { kind: User, userName: ann, tags: { a: b } }
`,
  };

  it('are made together or not at all, so that no statement permits what neither side did', () => {
    const result = taken(files, (entity) => {
      entity('Policy/p').spec['policyDocument'] = {
        Version: '2012-10-17',
        Statement: [{ Sid: 'X', Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::tmp/*' }],
      };
      entity('User/ann').tags['a'] = 'c';
    });
    expect(result.text).toBe(files['m.yaml'].replace('a: b', 'a: c'));
    expect(reasons(result)).toEqual([
      'a template stands there',
      'it belongs to a change that is left to a person',
      'it belongs to a change that is left to a person',
    ]);
  });

  it('are made together where another change is invalid', () => {
    const trust = (principal: Record<string, string>) => ({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' }],
    });
    const text = `${ONE}entities:
${TRUST}          Principal:
            AWS: arn:aws:iam::111111111111:root
          Action: sts:AssumeRole
  - { kind: User, userName: ann, tags: { a: b } }
`;
    const result = taken({ 'm.yaml': text }, (entity) => {
      entity('Role/r').spec['assumeRolePolicyDocument'] = trust({ Service: 'lambda.amazonaws.com' });
      entity('User/ann').tags['a'] = '<none>';
    });
    expect(result.text).toBe(text.replace('AWS: arn:aws:iam::111111111111:root', 'Service: lambda.amazonaws.com'));
    expect(result.patches).toMatchObject([{ to: '<none>' }]);
  });
});

const READ = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
const LIST = { Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::b' };

/** A policy with a document in YAML, below its version. */
const policy = (lines: string): string => `${ONE}entities:
  - kind: Policy
    policyName: p
    policyDocument:
      Version: "2012-10-17"
${lines}    description: d
`;

/** What an update makes of a policy whose account has other statements. */
function withStatements(text: string, ...Statement: object[]): ReturnType<typeof taken> & { readonly again: string } {
  const files = { 'm.yaml': text };
  const change = (entity: (id: string) => Editable): void => {
    entity('Policy/p').spec['policyDocument'] = { Version: '2012-10-17', Statement } as never;
  };
  const result = taken(files, change);
  const account = accountOf(files);
  change((id) => entityIn(account, id));
  const after = filesAfter(files, result);
  return { ...result, again: filesAfter(after, update(after, account))['m.yaml'] ?? '' };
}

describe('a statement that is not in a list', () => {
  const only = `      Statement:
        # Ticket SEC-12
        Effect: Allow # for now

        # only reads
        Action: s3:GetObject
        Resource: "*"
`;

  it('becomes the first one of a list, with its comments, where another one comes', () => {
    const { text, patches, again } = withStatements(policy(only), LIST, READ);
    expect(patches).toEqual([]);
    expect(text).toBe(
      policy(`      Statement:
        # Ticket SEC-12
        - Effect: Allow # for now

          # only reads
          Action: s3:GetObject
          Resource: "*"
        - Effect: Allow
          Action: s3:ListBucket
          Resource: arn:aws:s3:::b
`),
    );
    expect(again).toBe(text);
  });

  it('is left to a person where it changes, too, and has comments', () => {
    const result = withStatements(policy(only), LIST, { ...READ, Effect: 'Deny' });
    expect(result.text).toBe(policy(only));
    expect(reasons(result)).toEqual(['comments stand in it']);
  });

  it('keeps its templates', () => {
    const one = '      Statement: { Effect: Allow, Action: s3:GetObject, Resource: "arn:aws:s3:::{{account}}" }\n';
    const { text, patches } = withStatements(policy(one), { ...READ, Resource: 'arn:aws:s3:::111111111111' }, LIST);
    expect(patches).toEqual([]);
    expect(text).toBe(
      policy(
        one
          .replace('{ Eff', '[{ Eff')
          .replace('" }', '" }, { Effect: Allow, Action: s3:ListBucket, Resource: arn:aws:s3:::b }]'),
      ),
    );
  });

  it('stays as it is written in a file of JSON', () => {
    const text = policy('').replace(/policyDocument:.*?\n(?= {4}desc)/s, 'policyDocument: { $file: p.json }\n');
    const json = (statement: string): string => `{\n  "Version": "2012-10-17",\n  "Statement": ${statement}\n}\n`;
    const files = {
      'm.yaml': text,
      'p.json': json('{\n    "Effect": "Allow",\n    "Action": "s3:Get\\u004fbject", "Resource": "*"\n  }'),
    };
    const result = taken(files, (entity) => {
      entity('Policy/p').spec['policyDocument'] = { Version: '2012-10-17', Statement: [READ, LIST] };
    });
    expect(result.files.map((file) => file.text)).toEqual([
      json(`[
    {
      "Effect": "Allow",
      "Action": "s3:Get\\u004fbject", "Resource": "*"
    },
    {
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::b"
    }
  ]`),
    ]);
  });
});

describe('comments', () => {
  it('in what would be replaced as a whole leave the change to a person', () => {
    const text = `${ONE}entities:
${TRUST}          Principal:
            AWS:
              - arn:aws:iam::111111111111:root # ours
              # theirs, SEC-12
              - arn:aws:iam::222222222222:root
          Action: sts:AssumeRole
`;
    const change = (entity: (id: string) => Editable): void => {
      entity('Role/r').spec['assumeRolePolicyDocument'] = {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' }],
      };
    };
    const result = taken({ 'm.yaml': text }, change);
    expect(result.text).toBe(text);
    expect(reasons(result)).toEqual(['comments stand in it']);
    const bare = text.replace(/ # ours|.*# theirs.*\n/g, '');
    expect(taken({ 'm.yaml': bare }, change).text).toContain('Principal: "*"');
  });
});

describe('a condition', () => {
  it('keeps its keys, and their comments, where IAM takes that of the account for the same', () => {
    const lines = `      Statement:
        - Effect: Allow
          Action: s3:GetObject
          Resource: "*"
          Condition:
            StringEquals:
              aws:SourceVpc: vpc-1 # the build network
              aws:PrincipalTag/Team: a
              s3:ExistingObjectTag/kind: x
`;
    const { text, changes } = withStatements(policy(lines), {
      ...READ,
      Condition: {
        StringEquals: {
          'AWS:SourceVPC': 'vpc-1',
          'aws:principalTag/team': 'b',
          's3:ExistingObjectTag/kind': 'x',
        },
      },
    });
    expect(text).toBe(policy(lines.replace('Team: a', 'Team: b')));
    expect(changes).toHaveLength(1);
  });
});

describe('a Sid', () => {
  it.each([{ Sid: '' }, {}])('of the manifest stays where the account has none: %j', (sid) => {
    const lines =
      '      Statement:\n        - { Sid: Read, Effect: Allow, Action: [s3:GetObject, s3:Get*], Resource: "*" }\n';
    const { text } = withStatements(policy(lines), { ...sid, ...READ, Action: ['s3:GetObject'] });
    expect(text).toBe(policy(lines.replace(', s3:Get*', '')));
  });
});

describe('a template', () => {
  const VARIABLE = `${ONE}variables: { org: acme }\n`;

  it('is not removed with a member of a list, nor with a tag', () => {
    const text = `${VARIABLE}entities:
  - { kind: User, userName: ann, tags: { "{{org}}": x }, managedPolicyArns: ["arn:aws:iam::{{account}}:policy/{{org}}-x"] }
`;
    const result = taken({ 'm.yaml': text }, (entity) => {
      const ann = entity('User/ann');
      ann.spec['managedPolicyArns'] = ['arn:aws:iam::111111111111:policy/acme-y'];
      delete ann.tags['acme'];
    });
    expect(result.files).toEqual([]);
    expect(reasons(result)).toEqual([
      'a template stands there',
      'a template stands there',
      'it belongs to a change that is left to a person',
    ]);
  });

  it('is seen behind escapes, aliases and files', () => {
    const files = {
      'm.yaml': `${VARIABLE}entities:
  - { kind: Policy, policyName: a, description: "\\u007b{org}} deploys", policyDocument: { $file: a.json } }
  - { kind: User, userName: ann, tags: { a: &t "{{org}}-x" }, inlinePolicies: { i: { $file: a.json } } }
`,
      'a.json': JSON.stringify(allow('s3:GetObject', 'arn:aws:s3:::\\u007b{org}}')).replace('\\\\u', '\\u'),
    };
    const result = taken(files, (entity) => {
      entity('Policy/a').spec['description'] = 'other';
      entity('User/ann').tags['a'] = 'other';
      delete entity('User/ann').spec['inlinePolicies'];
    });
    expect(result.files).toEqual([]);
    expect(new Set(reasons(result))).toEqual(new Set(['a template stands there']));
  });

  it('stays in an inline policy that gets another name, as its file does', () => {
    const statement = '{ Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::{{org}}" }';
    const text = `${VARIABLE}entities:
  - kind: User
    userName: ann
    inlinePolicies:
      a: { Version: "2012-10-17", Statement: [${statement}] } # it reads
      f: { $file: f.json }
`;
    const files = { 'm.yaml': text, 'f.json': JSON.stringify(allow('s3:GetObject')) };
    const result = taken(
      files,
      (entity) => {
        const { a = null, f = null } = entity('User/ann').spec['inlinePolicies'] as Record<string, never>;
        entity('User/ann').spec['inlinePolicies'] = { b: a, g: f };
      },
      {},
      { variables: { org: 'S3CRET' } },
    );
    expect(result.text).toBe(text.replace('a: {', 'b: {').replace('f: {', 'g: {'));
    expect(result).toMatchObject({
      patches: [],
      changes: [
        { from: 'a', to: 'b' },
        { from: 'f', to: 'g' },
      ],
    });
  });

  it('is not replaced by the value of --var, which may be a secret', () => {
    const text = `${ONE}variables: { id: unset }
entities:
  - { kind: User, userName: ann, tags: { a: "{{id}}", b: x } }
`;
    const options = { variables: { id: 'S3CRET' } };
    const result = taken({ 'm.yaml': text }, (entity) => (entity('User/ann').tags['b'] = 'a S3CRET'), {}, options);
    expect(result).toMatchObject({ files: [], patches: [{ reason: 'it has the value of --var id' }] });
  });
});

describe('two names of one file', () => {
  it('are one, by links as by absolute paths', () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'update-')));
    writeFileSync(join(folder, 'a.json'), '{}');
    symlinkSync('a.json', join(folder, 'b.json'));
    const identify = realPathsIn(folder);
    const names = ['a.json', './a.json', 'b.json', join(folder, 'a.json')].map(identify);
    expect(new Set(names)).toEqual(new Set([join(folder, 'a.json')]));
    expect(identify('missing.json')).toBe(join(folder, 'missing.json'));
  });

  it('have all their uses together', () => {
    const json = JSON.stringify(allow('s3:GetObject'));
    const files = {
      'm.yaml': `${TWO}entities:\n  - { kind: Policy, policyName: p, policyDocument: { $file: "{{environment}}.json" } }\n`,
      'dev.json': json,
      'prod.json': json,
    };
    const change = (entity: (id: string) => Editable): void => {
      entity('Policy/p').spec['policyDocument'] = allow('s3:*');
    };
    const apart = taken(files, change, {}, { environment: 'dev' });
    expect(apart.files.map(({ file }) => file)).toEqual(['dev.json']);
    const identify = (file: string): string => file.replace('prod', 'dev');
    const linked = taken(files, change, { identify }, { environment: 'dev' });
    expect(linked).toMatchObject({ files: [], patches: [{ reason: 'environment prod uses it, too' }] });
  });
});

describe('a change that would have another effect', () => {
  it('is left to a person, and does not stop the others', () => {
    const text = `${ONE}defaults: { tags: { team: x } }
entities:
  - { kind: User, userName: ann, tags: { Team: y } }
  - { kind: User, userName: bob, tags: { a: b } }
`;
    const result = taken({ 'm.yaml': text }, (entity) => {
      delete entity('User/ann').tags['Team'];
      entity('User/bob').tags['a'] = 'c';
    });
    expect(result.text).toBe(text.replace('a: b', 'a: c'));
    expect(reasons(result)).toEqual(['defaults have a tag of that key']);
  });

  const OTHERS = 12;

  /** Users with a tag that changes, some to a value that no manifest may have, in so many environments. */
  function checked(count: number, isInvalid: (index: number) => boolean, environments = 0) {
    const names = Array.from({ length: environments }, (_, index) => `e${String(index)}`);
    const accounts = names.map((name, index) => `${name}: { account: "${String(222222222222 + index)}" }`);
    const users = Array.from(
      { length: count },
      (_, index) => `  - { kind: User, userName: u${String(index)}, tags: { a: b } }\n`,
    );
    const own = '  - { kind: Policy, policyName: p, policyDocument: { $file: "{{environment}}.json" } }\n';
    const head = ONE.replace(' }\n', `, ${accounts.join(', ')} }\n`);
    const files = Object.fromEntries([
      ['m.yaml', `${environments === 0 ? ONE : head}entities:\n${users.join('')}${own}`],
      ...['dev', ...names].map((name) => [`${name}.json`, JSON.stringify(allow('s3:*'))]),
    ]) as Files;
    const account = accountOf(files, { environment: 'dev' });
    for (let index = 0; index < count; index++) {
      entityIn(account, `User/u${String(index)}`).tags['a'] = isInvalid(index) ? '<none>' : 'c';
    }
    const evaluations = new Map<string, number>();
    const options = optionsFor(files, { environment: 'dev' });
    const readFile: ManifestOptions['readFile'] = (path, from) => {
      evaluations.set(path, (evaluations.get(path) ?? 0) + 1);
      return options.readFile(path, from);
    };
    const result = update(files, account, { options: { ...options, readFile }, everywhere: true });
    const times = names.map((name) => evaluations.get(`${name}.json`) ?? 0);
    return { result, times: evaluations.get('dev.json') ?? 0, timesElsewhere: Math.max(0, ...times) };
  }

  // Each evaluation of the manifest for an environment reads its file once.
  it.each([
    ['one of 64', 64, (index: number) => index === 7],
    ['half of 64', 64, (index: number) => index % 2 === 0],
    ['all of 64', 64, () => true],
  ])('is found in a few evaluations: %s', (_, count, isInvalid) => {
    const { result, times } = checked(count, isInvalid);
    const invalid = Array.from({ length: count }, (_one, index) => index).filter(isInvalid);
    expect(result.changes).toHaveLength(count - invalid.length);
    expect(result.patches.flatMap(({ entities }) => entities)).toEqual(
      invalid.map((index) => `User/u${String(index)}`),
    );
    expect(new Set(reasons(result)).size).toBe(1);
    expect(times).toBeLessThanOrEqual(6);
  });

  it('has other environments evaluated before the changes, and once with those that are left', () => {
    const { result, times, timesElsewhere } = checked(64, (index) => index === 7, OTHERS);
    expect(result).toMatchObject({ patches: [{ entities: ['User/u7'] }] });
    expect(result.changes).toHaveLength(63);
    expect({ isFew: times <= 6, timesElsewhere }).toEqual({ isFew: true, timesElsewhere: 2 });
  });
});

describe('a change for every environment', () => {
  it('is left to a person where it has the account, or the name, of one of them', () => {
    const text = `${TWO}entities:\n  - { kind: User, userName: ann, tags: { a: x, b: x, c: x } }\n`;
    const result = taken(
      { 'm.yaml': text },
      (entity) => Object.assign(entity('User/ann').tags, { a: 'dev-y', b: 'of 111111111111', c: 'developers' }),
      { everywhere: true },
      { environment: 'dev' },
    );
    expect(result.text).toBe(text.replace('c: x', 'c: developers'));
    expect(reasons(result)).toEqual([
      'it has the name of environment dev, and others use it, too',
      'it has the account of environment dev, and others use it, too',
    ]);
  });

  it('is left to a person where it would make another one invalid', () => {
    const files = {
      'm.yaml': `${TWO}entities:
  - { kind: User, userName: ann, tags: { "{{environment}}": x, a: b } }
`,
    };
    const result = taken(
      files,
      (entity) => {
        entity('User/ann').tags['prod'] = 'y';
      },
      { everywhere: true },
      { environment: 'dev' },
    );
    expect(result.files).toEqual([]);
    expect(reasons(result)[0]).toMatch(/^environment prod would be invalid: /);
  });
});

describe('texts of an account', () => {
  const ROLE = `${ONE}entities:
  - kind: Policy
    policyName: p
    policyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "*", Resource: "*" }] }
    description: DESCRIPTION
`;
  const described = (before: string, description: string, files: Files = {}) =>
    taken({ 'm.yaml': ROLE.replace('DESCRIPTION', before), ...files }, (entity) => {
      entity('Policy/p').spec['description'] = description;
    });

  it.each([
    '@team owns it',
    '`x`',
    '%x',
    '&a',
    '*a',
    '!x',
    '? x',
    '| x',
    '> x',
    '%TAG',
    ', x',
    '[x',
    '{x',
    '"x',
    "'x",
    '#x',
    '- x',
  ])('are written in quotes where YAML gives them a meaning: %s', (text) => {
    expect(described('owned', text)).toMatchObject({ patches: [], changes: [{ to: text }] });
  });

  it('keep the first line of a block, with its comment, and fold as it did', () => {
    const folded = '>- # who\n      a team\n      of people\n';
    expect(described(folded, 'another team of people\nand more').text).toContain(
      '>- # who\n      another\n      team of\n      people\n\n      and more\n',
    );
    expect(described('| # who\n      a\n', 'b').text).toContain('description: |- # who\n      b\n');
    const indented = described(folded, 'a\n  b');
    expect(indented).toMatchObject({ patches: [] });
    expect(indented.text).toContain('|- # who\n      a\n        b\n');
    expect(described('| # who\n      a\n', ' b').text).toContain('description: " b" # who\n');
  });

  it('replace a file of plain text as a whole, with the line break at its end where that has no meaning', () => {
    const result = described('{ $file: d.txt }', 'other', { 'd.txt': 'hello\n' });
    expect(result).toMatchObject({ files: [{ file: 'd.txt', text: 'other' }], patches: [] });
    const longer = described('{ $file: d.txt }', 'other\n', { 'd.txt': 'hello' });
    expect(longer).toMatchObject({ files: [{ file: 'd.txt', text: 'other\n' }], patches: [] });
  });
});

describe('tags and anchors of YAML', () => {
  const policy = (values: string): Files => ({
    'm.yaml': `${ONE}entities:
  - kind: Policy
    policyName: p
    policyDocument: { Version: "2012-10-17", Statement: [{ Effect: Allow, Action: "*", Resource: "*", Condition: { StringEquals: { "aws:x": ${values} } } }] }
`,
  });
  const after = (files: Files, values: readonly string[]): string =>
    taken(files, (entity) => {
      const { Statement } = entity('Policy/p').spec['policyDocument'] as { Statement: { Condition: object }[] };
      Object.assign(Statement[0]?.Condition ?? {}, { StringEquals: { 'aws:x': values } });
    }).text;

  it('go with the member that they stand before', () => {
    expect(after(policy('[!!str 12, "13"]'), ['13'])).toBe(policy('["13"]')['m.yaml']);
    expect(after(policy('["13", &a "12", !!str 14]'), ['13', '14'])).toBe(policy('["13", !!str 14]')['m.yaml']);
  });

  it('stay where an anchor is given a name again', () => {
    const text = `${ONE}entities:
  - { kind: User, userName: ann, tags: &t { a: b } }
  - { kind: User, userName: bob, tags: *t }
  - { kind: User, userName: cid, tags: &t { a: c } }
  - { kind: User, userName: dan, tags: *t }
`;
    const result = taken({ 'm.yaml': text }, (_entity, account) => account.delete('User/ann'), { removed: true });
    expect(result).toMatchObject({ files: [], patches: [{ reason: 'other places repeat its anchor &t' }] });
  });
});

describe('the value of a --var', () => {
  const entities = `entities:
${TRUST}          Principal: { AWS: "111111111111" }
          Action: sts:AssumeRole
          Condition: { StringEquals: { "sts:ExternalId": "{{externalId}}" } }
`;
  const files = { 'm.yaml': `${ONE}variables: { externalId: none }\n${entities}` };

  it('is neither written nor shown: its name stands for it', () => {
    const options = { variables: { externalId: 'S3CRET' } };
    const result = taken(
      files,
      (entity) => {
        entity('Role/r').spec['description'] = 'for S3CRET';
        entity('Role/r').spec['maxSessionDuration'] = 7200;
      },
      {},
      options,
    );
    expect(reasons(result)).toEqual(['it has the value of --var externalId']);
    expect(result.patches[0]?.to).toBe('for {{externalId}}');
    expect(JSON.stringify({ ...result, text: '' })).not.toContain('S3CRET');
    expect(result.text).toContain('maxSessionDuration: 7200');
  });
});

describe('what is as the manifest wants it', () => {
  it('is a tag whose key has another case, where IAM takes both for one', () => {
    const files = { 'm.yaml': `${ONE}entities:\n  - { kind: User, userName: ann, tags: { Team: a } }\n` };
    const result = taken(files, (entity) => {
      entity('User/ann').tags = { team: 'a' };
    });
    expect(result).toMatchObject({ files: [], changes: [], patches: [] });
  });
});

describe('an entity that is declared released', () => {
  const files = { 'm.yaml': `${ONE}entities:\n  - { kind: User, userName: ann, state: released }\n` };
  const present = { 'm.yaml': files['m.yaml'].replace(', state: released', '') };

  it.each([
    ['is as declared where it exists and is not ours', false],
    ['differs where it is still ours', true],
  ])('%s', (_, isOurs) => {
    const account = new Map([['User/ann', { ...entityIn(accountOf(present), 'User/ann'), isOurs }]]);
    expect(update(files, account).untouched).toMatchObject([{ name: 'ann', isDifferent: isOurs }]);
  });
});

it('declares nothing absent for every environment, as it is gone from one account only', () => {
  const files = { 'm.yaml': `${TWO}entities:\n  - { kind: User, userName: ann }\n` };
  const input = { removed: true, everywhere: true };
  const result = taken(files, (_, account) => account.delete('User/ann'), input, { environment: 'dev' });
  expect(result).toMatchObject({ files: [], gone: [{ isDeclaredAbsent: false }] });
  expect(reasons(result)).toEqual(['other environments declare it, too']);
});

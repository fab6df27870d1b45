import { generateKeyPairSync } from 'node:crypto';
import type { Json } from '../../../../../src/contract/entity.js';
import { parseText } from '../../../../../src/engine/manifest/source.js';
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

const HEAD = `# The entities of CI.
version: 1
namespace: ci
environments: { dev: { account: "111111111111" } }
`;

function drifted(files: Files, change: (entity: (id: string) => Editable, account: Map<string, Editable>) => void) {
  const account = accountOf(files);
  change((id) => entityIn(account, id), account);
  return account;
}

/** The lines that differ, with - and +. */
function diff(before: string, after: string): string[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let [start, end] = [0, 0];
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const lines = (of: string[], sign: string) => of.slice(start, of.length - end).map((line) => sign + line);
  return [...lines(a, '-'), ...lines(b, '+')];
}

function taken(files: Files, change: Parameters<typeof drifted>[1], input: Parameters<typeof update>[2] = {}) {
  const account = drifted(files, change);
  const result = update(files, account, input);
  const after = filesAfter(files, result);
  const again = update(after, account, input);
  return { result, after, again, lines: diff(files['m.yaml'] ?? '', after['m.yaml'] ?? '') };
}

const ROLE = `${HEAD}entities:
  # The role that deploys.
  - kind: Role
    roleName: deploy   # its name
    description: 'deploys'
    maxSessionDuration: 3600 # an hour
    assumeRolePolicyDocument:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: { AWS: "arn:aws:iam::111111111111:root" }
          Action: sts:AssumeRole
    managedPolicyArns:
      - arn:aws:iam::aws:policy/ReadOnlyAccess   # reads
      - arn:aws:iam::aws:policy/SecurityAudit
    # The end.
`;

describe('a manifest that is updated from an account', () => {
  it('stays as it is where nothing differs', () => {
    const { result } = taken({ 'm.yaml': ROLE }, () => undefined);
    expect(result).toMatchObject({ files: [], changes: [], patches: [], gone: [], untouched: [], notDeclared: [] });
  });

  it('is told of administrator access that it takes over, or that a changed entity has', () => {
    const administrator = {
      code: 'administrator',
      entity: 'Role/deploy',
      message: 'allows every action (inlinePolicies.oops)',
    };
    const files = { 'm.yaml': ROLE };
    const { result, again, after } = taken(files, (entity) => {
      entity('Role/deploy').spec['inlinePolicies'] = { oops: allow('*') };
    });
    expect([result.warnings, again.warnings]).toEqual([[administrator], []]);
    const later = taken(after, (entity) => {
      entity('Role/deploy').spec['maxSessionDuration'] = 7200;
    });
    expect(later.result.warnings).toEqual([administrator]);
  });

  it('gets values in place, in their quotes, beside their comments', () => {
    const { lines, again } = taken({ 'm.yaml': ROLE }, (entity) => {
      entity('Role/deploy').spec['maxSessionDuration'] = 7200;
      entity('Role/deploy').spec['description'] = "it's";
    });
    expect(lines).toEqual([
      "-    description: 'deploys'",
      '-    maxSessionDuration: 3600 # an hour',
      "+    description: 'it''s'",
      '+    maxSessionDuration: 7200 # an hour',
    ]);
    expect(again.files).toEqual([]);
  });

  it('loses a member of a list with its line, and gets one at the end of it', () => {
    const { lines, result } = taken({ 'm.yaml': ROLE }, (entity) => {
      entity('Role/deploy').spec['managedPolicyArns'] = [
        'arn:aws:iam::aws:policy/SecurityAudit',
        'arn:aws:iam::aws:policy/AdministratorAccess',
      ];
    });
    expect(lines).toEqual([
      '-      - arn:aws:iam::aws:policy/ReadOnlyAccess   # reads',
      '       - arn:aws:iam::aws:policy/SecurityAudit'.replace(' ', '-'),
      '+      - arn:aws:iam::aws:policy/SecurityAudit',
      '+      - arn:aws:iam::aws:policy/AdministratorAccess',
    ]);
    expect(result.changes).toMatchObject([
      { action: 'remove', entities: ['Role/deploy'], line: 18, path: 'entities[0].managedPolicyArns[0]' },
      { action: 'add', to: 'arn:aws:iam::aws:policy/AdministratorAccess' },
    ]);
  });

  it('keeps an empty list where all members are gone', () => {
    const { lines } = taken({ 'm.yaml': ROLE }, (entity) => {
      entity('Role/deploy').spec['managedPolicyArns'] = [];
    });
    expect(lines.filter((line) => line.startsWith('+'))).toEqual(['+    managedPolicyArns: []']);
  });

  it('gets properties, inline policies and tags that it does not manage', () => {
    const { lines, again } = taken({ 'm.yaml': ROLE }, (entity) => {
      const role = entity('Role/deploy');
      role.spec['inlinePolicies'] = {
        state: {
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: '*' }],
        },
      };
      role.tags['team'] = 'platform';
      role.tags['aws:made-by'] = 'AWS';
    });
    expect(lines).toEqual([
      '+    inlinePolicies:',
      '+      state:',
      '+        Version: "2012-10-17"',
      '+        Statement:',
      '+          - Effect: Allow',
      '+            Action:',
      '+              - s3:GetObject',
      '+              - s3:PutObject',
      '+            Resource: "*"',
      '+    tags:',
      '+      team: platform',
    ]);
    expect(again).toMatchObject({ files: [], patches: [] });
  });
});

const USER = (properties: string) => `${HEAD}entities:\n  - kind: User\n    userName: ann\n${properties}`;

describe('brackets', () => {
  it.each<[string, string, Json, string]>([
    ['are filled', '[]', ['arn:aws:iam::aws:policy/A'], '[arn:aws:iam::aws:policy/A]'],
    ['are emptied', '[ "arn:aws:iam::aws:policy/A" ]', [], '[]'],
    [
      'get a member with the quotes of the others',
      "['arn:aws:iam::aws:policy/A']",
      ['arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/B'],
      "['arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/B']",
    ],
    [
      'lose the first of two',
      '[arn:aws:iam::aws:policy/A, arn:aws:iam::aws:policy/B]',
      ['arn:aws:iam::aws:policy/B'],
      '[arn:aws:iam::aws:policy/B]',
    ],
    [
      'lose the last two of three',
      '[arn:aws:iam::aws:policy/A, arn:aws:iam::aws:policy/B, arn:aws:iam::aws:policy/C]',
      ['arn:aws:iam::aws:policy/A'],
      '[arn:aws:iam::aws:policy/A]',
    ],
    [
      'keep lines, comments and a comma at the end',
      `[
      # administrators
      arn:aws:iam::aws:policy/A, # one
      arn:aws:iam::aws:policy/B, # two
    ]`,
      ['arn:aws:iam::aws:policy/B', 'arn:aws:iam::aws:policy/C'],
      `[
      # administrators
      arn:aws:iam::aws:policy/B, # two
      arn:aws:iam::aws:policy/C,
    ]`,
    ],
    [
      'get a comma before a comment',
      `[
      arn:aws:iam::aws:policy/A # one
    ]`,
      ['arn:aws:iam::aws:policy/A', 'arn:aws:iam::aws:policy/C'],
      `[
      arn:aws:iam::aws:policy/A, # one
      arn:aws:iam::aws:policy/C
    ]`,
    ],
    [
      'lose a comma with the last member',
      `[
      arn:aws:iam::aws:policy/A, # one
      arn:aws:iam::aws:policy/B # two
    ]`,
      ['arn:aws:iam::aws:policy/A'],
      `[
      arn:aws:iam::aws:policy/A # one
    ]`,
    ],
  ])('%s', (_title, before, arns, after) => {
    const files = { 'm.yaml': USER(`    managedPolicyArns: ${before}\n`) };
    const { after: changed } = taken(files, (entity) => {
      entity('User/ann').spec['managedPolicyArns'] = arns;
    });
    expect(changed['m.yaml']).toBe(USER(`    managedPolicyArns: ${after}\n`));
  });
});

describe('files of documents', () => {
  const policy = (path: string, name = 'deploy') =>
    `  - kind: Policy\n    policyName: ${name}\n    policyDocument: { $file: ${path} }\n`;
  const document = (actions: string) =>
    `{\n\t"Version": "2012-10-17",\n\t"Statement": [\n\t\t{\n\t\t\t"Effect": "Allow",\n\t\t\t"Action": ${actions},\n\t\t\t"Resource": "*"\n\t\t}\n\t]\n}`;
  const withActions =
    (...actions: string[]) =>
    (entity: (id: string) => Editable) => {
      entity('Policy/deploy').spec['policyDocument'] = allow(actions);
    };

  it('change in place, with tabs and without a line break at the end', () => {
    const files = { 'm.yaml': `${HEAD}entities:\n${policy('p.json')}`, 'p.json': document('["s3:GetObject"]') };
    const { after, result } = taken(files, withActions('s3:GetObject', 's3:PutObject'));
    expect(after).toEqual({ ...files, 'p.json': document('["s3:GetObject", "s3:PutObject"]') });
    expect(result.changes).toMatchObject([
      { file: 'p.json', line: 6, action: 'add', path: 'entities[0].policyDocument.Statement[0].Action' },
    ]);
  });

  it('get statements in lines of their own', () => {
    const files = { 'm.yaml': `${HEAD}entities:\n${policy('p.json')}`, 'p.json': document('"s3:GetObject"') };
    const { after } = taken(files, (entity) => {
      const { Statement: statements } = allow('s3:GetObject');
      entity('Policy/deploy').spec['policyDocument'] = {
        Version: '2012-10-17',
        Statement: [...(statements as Json[]), { Sid: 'New', Effect: 'Deny', Action: ['a:b', 'c:d'], Resource: '*' }],
      };
    });
    expect(after['p.json']).toBe(
      document('"s3:GetObject"').replace(
        '\t\t}\n\t]',
        '\t\t},\n\t\t{\n\t\t\t"Sid": "New",\n\t\t\t"Effect": "Deny",\n\t\t\t"Action": ["a:b", "c:d"],\n\t\t\t"Resource": "*"\n\t\t}\n\t]',
      ),
    );
  });

  it('stay where the difference has no meaning', () => {
    const files = { 'm.yaml': `${HEAD}entities:\n${policy('p.json')}`, 'p.json': document('["S3:getobject"]') };
    expect(taken(files, withActions('s3:GetObject')).result.files).toEqual([]);
  });

  it('that another entity uses are left to a person, unless it differs in the same way', () => {
    const files = {
      'm.yaml': `${HEAD}entities:\n${policy('p.json')}${policy('./p.json', 'other')}`,
      'p.json': document('["s3:GetObject"]'),
    };
    const one = withActions('s3:GetObject', 's3:PutObject');
    const { result } = taken(files, one);
    expect(result).toMatchObject({
      files: [],
      patches: [{ file: 'p.json', line: 6, column: 14, to: 's3:PutObject', reason: 'Policy/other uses it, too' }],
    });
    const both = taken(files, (entity) => {
      one(entity);
      entity('Policy/other').spec['policyDocument'] = entity('Policy/deploy').spec['policyDocument'] ?? null;
    });
    expect(both.after['p.json']).toBe(document('["s3:GetObject", "s3:PutObject"]'));
    expect(both.result).toMatchObject({ patches: [], changes: [{ entities: ['Policy/deploy', 'Policy/other'] }] });
  });

  it('keep their templates', () => {
    const text = document('["s3:GetObject"]').replace('"*"', '"arn:aws:s3:::{{account}}"');
    const files = { 'm.yaml': `${HEAD}entities:\n${policy('p.json')}`, 'p.json': text };
    const { after, result } = taken(files, (entity) => {
      entity('Policy/deploy').spec['policyDocument'] = allow(['s3:PutObject'], 'arn:aws:s3:::other');
    });
    expect(after['p.json']).toBe(text);
    expect(result.patches).toMatchObject([
      { line: 7, from: 'arn:aws:s3:::111111111111', to: 'arn:aws:s3:::other', reason: 'a template stands there' },
      { line: 6, action: 'remove', from: 's3:GetObject', reason: 'it belongs to a change that is left to a person' },
      { line: 6, action: 'add', to: 's3:PutObject', reason: 'it belongs to a change that is left to a person' },
    ]);
  });

  it('of plain text are replaced', () => {
    const metadata = (id: string) =>
      `<EntityDescriptor entityID="${id}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${'<!-- -->'.repeat(150)}</EntityDescriptor>\n`;
    const files = {
      'm.yaml': `${HEAD}entities:\n  - { kind: SAMLProvider, name: idp, samlMetadataDocument: { $file: idp.xml } }\n`,
      'idp.xml': metadata('a'),
    };
    const { after } = taken(files, (entity) => {
      entity('SAMLProvider/idp').spec['samlMetadataDocument'] = metadata('b').trim();
    });
    expect(after['idp.xml']).toBe(metadata('b'));
  });
});

describe('one templated principal', () => {
  const files = {
    'm.yaml': ROLE.replace('arn:aws:iam::111111111111:root', 'arn:aws:iam::{{account}}:root'),
  };
  const trusting = (AWS: Json) => (entity: (id: string) => Editable) => {
    const { spec } = entity('Role/deploy');
    spec['assumeRolePolicyDocument'] = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
    };
  };
  const own = 'arn:aws:iam::111111111111:root';

  it.each<[string, Json, string]>([
    [
      'becomes a list that keeps it',
      [own, 'arn:aws:iam::222222222222:root'],
      '["arn:aws:iam::{{account}}:root", "arn:aws:iam::222222222222:root"]',
    ],
    [
      'becomes a list that keeps it at its place',
      ['arn:aws:iam::222222222222:root', own],
      '["arn:aws:iam::{{account}}:root", "arn:aws:iam::222222222222:root"]',
    ],
  ])('%s', (_what, AWS, written) => {
    const { result, lines, again } = taken(files, trusting(AWS));
    expect(result.patches).toEqual([]);
    expect(lines).toEqual([
      '-          Principal: { AWS: "arn:aws:iam::{{account}}:root" }',
      `+          Principal: { AWS: ${written} }`,
    ]);
    expect(again.changes).toEqual([]);
  });

  it('is left to a person where another one replaces it', () => {
    const { result } = taken(files, trusting(['arn:aws:iam::222222222222:root', 'arn:aws:iam::333333333333:root']));
    expect(result.patches.map(({ reason }) => reason)).toEqual(['a template stands there']);
  });
});

describe('what one value has an effect on beyond the entity', () => {
  const ARN = (name: string) => `arn:aws:iam::aws:policy/${name}`;

  it('keeps an anchor that another entity repeats, unless both differ in the same way', () => {
    const files = {
      'm.yaml': `${HEAD}entities:
  - kind: User
    userName: ann
    managedPolicyArns: &policies [${ARN('A')}]
  - { kind: User, userName: bob, managedPolicyArns: *policies }
`,
    };
    const more = [ARN('A'), ARN('B')];
    const { result } = taken(files, (entity) => {
      entity('User/bob').spec['managedPolicyArns'] = more;
    });
    expect(result).toMatchObject({
      files: [],
      patches: [{ entities: ['User/bob'], line: 8, reason: 'User/ann uses it, too' }],
    });
    const both = taken(files, (entity) => {
      entity('User/ann').spec['managedPolicyArns'] = more;
      entity('User/bob').spec['managedPolicyArns'] = more;
    });
    expect(both.lines).toEqual([
      `-    managedPolicyArns: &policies [${ARN('A')}]`,
      `+    managedPolicyArns: &policies [${ARN('A')}, ${ARN('B')}]`,
    ]);
  });

  it('keeps a member whose anchor other places repeat', () => {
    const files = {
      'm.yaml': `${HEAD}entities:
  - kind: User
    userName: ann
    managedPolicyArns:
      - &one ${ARN('A')}
  - { kind: User, userName: bob, managedPolicyArns: [*one] }
`,
    };
    const { result } = taken(files, (entity) => {
      entity('User/ann').spec['managedPolicyArns'] = [];
      entity('User/bob').spec['managedPolicyArns'] = [];
    });
    expect(result.patches).toMatchObject([{ entities: ['User/ann'], reason: 'other places repeat its anchor &one' }]);
    expect(result.changes).toMatchObject([{ entities: ['User/bob'], action: 'remove' }]);
  });

  it('keeps maps that merge keys repeat', () => {
    const files = {
      'm.yaml': `${HEAD}entities:
  - kind: User
    userName: ann
    tags: &tags { team: a, cost: "1" }
  - kind: User
    userName: bob
    tags: { <<: *tags, team: b }
`,
    };
    const { result } = taken(files, (entity) => {
      delete entity('User/ann').tags['cost'];
      entity('User/ann').tags['new'] = 'x';
      delete entity('User/bob').tags['team'];
      entity('User/bob').tags['own'] = 'y';
    });
    expect(result.patches.map(({ entities, path, reason }) => [entities[0], path, reason])).toEqual([
      ['User/ann', 'entities[0].tags.cost', 'a merge key, <<, repeats the map that it is in'],
      ['User/ann', 'entities[0].tags.new', 'a merge key, <<, repeats the map that it is in'],
      ['User/bob', 'entities[1].tags.team', 'a merge key, <<, may bring it back'],
      ['User/bob', 'entities[1].tags.own', 'a merge key, <<, may bring it back'],
    ]);
  });

  it('keeps defaults, unless all entities that have them differ in the same way', () => {
    const files = {
      'm.yaml': `${HEAD}defaults:
  tags: { team: platform, cost: "1" }
entities:
  - { kind: User, userName: ann }
  - { kind: User, userName: bob, tags: { own: x } }
`,
    };
    const { result, lines } = taken(files, (entity) => {
      entity('User/ann').tags['team'] = 'other';
      delete entity('User/ann').tags['cost'];
      entity('User/ann').tags['new'] = 'x';
    });
    expect(result.patches).toMatchObject([
      { line: 6, path: 'defaults.tags.team', to: 'other', reason: 'User/bob uses it, too' },
      { line: 6, path: 'defaults.tags.cost', action: 'remove', reason: 'it comes from defaults' },
    ]);
    expect(lines).toEqual([
      '-  - { kind: User, userName: ann }',
      '+  - { kind: User, userName: ann, tags: { new: x } }',
    ]);
    const both = taken(files, (entity) => {
      entity('User/ann').tags['team'] = 'other';
      entity('User/bob').tags['team'] = 'other';
    });
    expect(both.lines[1]).toBe('+  tags: { team: other, cost: "1" }');
  });

  it('keeps what other environments and fleets use, unless the change is for all of them', () => {
    const text = `${HEAD.replace('environments: {', 'environments: { prod: { account: "222222222222" },')}fleets:
  all: { accounts: { ids: ["333333333333"] }, assumeRole: "arn:aws:iam::{{account}}:role/x" }
entities:
  - { kind: User, userName: "{{environment}}-ann", managedPolicyArns: [${ARN('A')}] }
  - { kind: Policy, policyName: own, policyDocument: { $file: "{{environment}}.json" } }
`;
    const json = JSON.stringify(allow('s3:GetObject'));
    const files = { 'm.yaml': text, 'dev.json': json, 'prod.json': json, 'all.json': json };
    const options = { environment: 'dev' };
    const account = accountOf(files, options);
    const user = entityIn(account, 'User/dev-ann');
    user.spec['managedPolicyArns'] = [ARN('B')];
    entityIn(account, 'Policy/own').spec['policyDocument'] = allow('s3:PutObject');
    const result = update(files, account, { options: optionsFor(files, options) });
    expect(result.files).toMatchObject([{ file: 'dev.json', text: JSON.stringify(allow('s3:PutObject')) }]);
    const reason = 'environment prod and fleet all use it, too';
    expect(result.patches).toMatchObject([{ reason }, { reason }]);
    const everywhere = update(files, account, { options: optionsFor(files, options), everywhere: true });
    expect(everywhere.patches).toEqual([]);
    expect(filesAfter(files, everywhere)['m.yaml']).toBe(text.replace(ARN('A'), ARN('B')));
  });
});

describe('templates and short forms', () => {
  it('are left to a person with their place', () => {
    const files = {
      'm.yaml': `${HEAD}variables: { org: acme }
entities:
  - kind: Role
    roleName: deploy
    description: "{{org}} deploys"
    trust: { github: { repository: acme/infra, environment: prod } }
`,
    };
    const { result } = taken(files, (entity) => {
      const { spec } = entity('Role/deploy');
      spec['description'] = 'other';
      spec['assumeRolePolicyDocument'] = JSON.parse(
        JSON.stringify(spec['assumeRolePolicyDocument']).replace('acme/infra', 'acme/other'),
      ) as Json;
    });
    expect(result).toMatchObject({
      files: [],
      patches: [
        { line: 9, column: 18, from: 'acme deploys', to: 'other', reason: 'a template stands there' },
        { line: 10, column: 12, path: 'entities[0].trust', from: 'repo:acme/infra:environment:prod' },
        { action: 'add', to: 'repo:acme/other:environment:prod', reason: 'it is written in short, as trust' },
      ],
    });
  });

  it('are written where the manifest uses them', () => {
    const files = {
      'm.yaml': `${HEAD}entities:
  - kind: Policy
    policyName: "{{environment}}-a"
    policyDocument: ${JSON.stringify(allow('s3:GetObject'))}
  - { kind: Policy, policyName: b, policyDocument: ${JSON.stringify(allow('s3:GetObject', 'arn:aws:s3:::{{account}}'))} }
  - { kind: User, userName: ann, managedPolicyArns: ["{{arn Policy/b}}"] }
`,
    };
    const { lines, again } = taken(files, (entity) => {
      entity('User/ann').spec['managedPolicyArns'] = [
        'arn:aws:iam::111111111111:policy/dev-a',
        'arn:aws:iam::111111111111:policy/elsewhere',
      ];
      entity('User/ann').tags['text'] = 'x';
    });
    expect(lines).toEqual([
      '-  - { kind: User, userName: ann, managedPolicyArns: ["{{arn Policy/b}}"] }',
      '+  - { kind: User, userName: ann, managedPolicyArns: ["{{arn Policy/{{environment}}-a}}", "arn:aws:iam::{{account}}:policy/elsewhere"], tags: { text: x } }',
    ]);
    expect(again).toMatchObject({ files: [], patches: [] });
  });

  it('are not read from what an account holds', () => {
    const files = { 'm.yaml': ROLE };
    const { lines, again } = taken(files, (entity) => {
      entity('Role/deploy').spec['description'] = 'a {{account}} b';
    });
    expect(lines[1]).toBe("+    description: 'a {{''{{''}}account}} b'");
    expect(again.files).toEqual([]);
  });

  it('do not make two entities wait for each other', () => {
    const files = {
      'm.yaml': `${HEAD}entities:
  - { kind: Policy, policyName: a, policyDocument: ${JSON.stringify(allow('s3:GetObject'))} }
  - { kind: User, userName: ann, managedPolicyArns: ["{{arn Policy/a}}"] }
`,
    };
    const { after, again } = taken(files, (entity) => {
      entity('Policy/a').spec['policyDocument'] = allow('s3:GetObject', 'arn:aws:iam::111111111111:user/ann');
    });
    expect(after['m.yaml']).toContain('"Resource":"arn:aws:iam::111111111111:user/ann"');
    expect(again).toMatchObject({ files: [], patches: [] });
  });
});

function sshKey(): string {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return publicKey.export({ type: 'spki', format: 'pem' }).toString().replaceAll('\n', '\\n');
}

describe('entities that are gone', () => {
  const files = {
    'm.yaml': `${HEAD}entities:
  - kind: Role   # it deploys
    roleName: deploy
    # trusted by GitHub
    trust: { github: { repository: acme/infra, environment: prod } }
    tags:
      team: a
    protect: false
  - { kind: User, userName: ann, tags: { team: a } }
`,
  };
  const gone = (_entity: unknown, account: Map<string, Editable>): void => {
    account.clear();
  };

  it('are reported', () => {
    expect(taken(files, gone).result).toMatchObject({
      files: [],
      gone: [
        { kind: 'Role', name: 'deploy', isDeclaredAbsent: false },
        { kind: 'User', name: 'ann', isDeclaredAbsent: false },
      ],
    });
  });

  it('are declared absent on request, with what names them', () => {
    const { after, result, again } = taken(files, gone, { removed: true });
    expect(after['m.yaml']).toBe(`${HEAD}entities:
  - kind: Role   # it deploys
    roleName: deploy
    # trusted by GitHub
    protect: false
    state: absent
  - { kind: User, userName: ann, state: absent }
`);
    expect(result.gone.every(({ isDeclaredAbsent }) => isDeclaredAbsent)).toBe(true);
    expect(again).toMatchObject({ files: [], gone: [] });
  });

  it('stay declared where no apply of them is recorded: they are new', () => {
    const applied = new Set(['User/ann']);
    const { result, after } = taken(files, gone, { removed: true, applied });
    expect(result.gone).toEqual([
      { kind: 'Role', name: 'deploy', isDeclaredAbsent: false, wasApplied: false },
      { kind: 'User', name: 'ann', isDeclaredAbsent: true, wasApplied: true },
    ]);
    expect(after['m.yaml']).toBe(files['m.yaml'].replace('ann, tags: { team: a }', 'ann, state: absent'));
  });

  it('are not those that could not be read under their name in another case', () => {
    const ann = { 'm.yaml': `${HEAD}entities:\n  - { kind: User, userName: Ann }\n` };
    const unread = [{ kind: 'User', name: 'ann', message: 'denied', remedy: null }];
    const { result } = taken(ann, gone, { removed: true, unread });
    expect(result).toMatchObject({ files: [], gone: [], untouched: [{ name: 'Ann', isDifferent: true }] });
  });

  it('stay declared where others refer to them', () => {
    const named = {
      'm.yaml': `${HEAD}entities:
  - { kind: User, userName: ann }
  - { kind: Policy, policyName: a, policyDocument: ${JSON.stringify(allow('s3:GetObject', '{{arn User/ann}}'))} }
`,
    };
    const { result } = taken(named, (_entity, account) => account.delete('User/ann'), { removed: true });
    expect(result.files).toEqual([]);
    expect(result.patches).toMatchObject([{ path: 'entities[0].state', to: 'absent' }]);
    expect(result.patches[0]?.reason).toMatch(/^the manifest would be invalid: /);
  });

  it('are not those that were not read, are left out, or still have their old name', () => {
    const renamed = {
      'm.yaml': `${HEAD}entities:
  - { kind: User, userName: ann, renamedFrom: anna }
  - { kind: User, userName: bob }
  - { kind: Role, roleName: r, trust: { github: { repository: acme/infra, environment: prod } } }
  - { kind: Group, groupName: g, state: absent }
  - { kind: AccessKey, userName: bob, secret: { file: bob.json } }
  - { kind: SSHPublicKey, userName: bob, sshPublicKeyBody: "${sshKey()}" }
`,
    };
    const account = accountOf(renamed);
    const ann = entityIn(account, 'User/ann');
    const items = [
      { ...ann, name: 'anna' },
      { kind: 'User', name: 'bob', arn: null, leftOut: 'belongs to CloudFormation stack "x"' },
      { ...ann, kind: 'Group', name: 'g' },
      { ...ann, name: 'zoe' },
      { kind: 'SSHPublicKey', name: 'bob/APKA1', arn: null, leftOut: 'it is not a public RSA key' },
    ];
    const result = update(renamed, new Map(), {
      items: items,
      unread: [{ kind: 'Role', name: null, message: 'ListRoles answered AccessDenied', remedy: null }],
      removed: true,
    });
    expect(result).toMatchObject({
      files: [],
      gone: [],
      untouched: [
        { name: 'ann', reason: 'it still has its old name, anna' },
        { name: 'bob', reason: 'belongs to CloudFormation stack "x"' },
        { name: 'r', reason: 'it was not read: ListRoles answered AccessDenied' },
        { name: 'g', reason: 'it exists, and the manifest declares it absent', isDifferent: true },
        {
          kind: 'AccessKey',
          reason: 'AWS shows its secret once, so a declared access key would be a new one',
          isDifferent: false,
        },
        { kind: 'SSHPublicKey', reason: 'SSHPublicKey/bob/APKA1 may be it: it is not a public RSA key' },
      ],
      notDeclared: [
        { kind: 'User', name: 'anna' },
        { kind: 'User', name: 'zoe' },
      ],
    });
  });
});

describe('texts', () => {
  it('keep their CRLF, and a missing line break at the end', () => {
    const files = { 'm.yaml': ROLE.trimEnd().replaceAll('\n', '\r\n').replace('\r\n    # The end.', '') };
    const { after } = taken(files, (entity) => {
      entity('Role/deploy').spec['managedPolicyArns'] = [
        'arn:aws:iam::aws:policy/ReadOnlyAccess',
        'arn:aws:iam::aws:policy/B',
      ];
      entity('Role/deploy').tags['team'] = 'a';
    });
    const removed = '\r\n      - arn:aws:iam::aws:policy/SecurityAudit';
    expect(after['m.yaml']).toBe(
      `${files['m.yaml'].replace(removed, '\r\n      - arn:aws:iam::aws:policy/B')}\r\n    tags:\r\n      team: a`,
    );
  });

  it('get no line break at their end with lines that go there', () => {
    const files = { 'm.yaml': USER('    tags: # all\n      a: x\n      b: x\n      # the last\n      c: x').trimEnd() };
    const { after } = taken(files, (entity) => {
      entity('User/ann').tags = { a: 'x' };
    });
    expect(after['m.yaml']).toBe(USER('    tags: # all\n      a: x\n      # the last'));
  });

  it('keep block scalars', () => {
    const files = {
      'm.yaml':
        USER('').replace('User', 'Role').replace('user', 'role') +
        '    trust: { github: { repository: acme/infra, environment: prod } }\n    description: |-\n      one\n      two\n    maxSessionDuration: 3600\n',
    };
    const { lines } = taken(files, (entity) => {
      entity('Role/ann').spec['description'] = 'one\n\nthree';
      entity('Role/ann').spec['maxSessionDuration'] = 7200;
    });
    expect(lines).toEqual([
      '-      two',
      '-    maxSessionDuration: 3600',
      '+',
      '+      three',
      '+    maxSessionDuration: 7200',
    ]);
  });

  it('of a JSON manifest keep their form, comments included', () => {
    const text = `{
  // the entities
  "version": 1, "namespace": "ci",
  "environments": { "dev": { "account": "111111111111" } },
  "entities": [
    { "kind": "User", "userName": "ann", "managedPolicyArns": ["arn:aws:iam::aws:policy/A"], } // she
  ]
}
`;
    const { after } = taken({ 'm.json': text }, (entity) => {
      entity('User/ann').spec['managedPolicyArns'] = [];
      entity('User/ann').tags['team'] = 'a';
    });
    expect(after['m.json']).toBe(
      text.replace('["arn:aws:iam::aws:policy/A"], }', '[], "tags": {\n      "team": "a"\n    }, }'),
    );
  });

  it('of a program are not changed, but the files that it names', () => {
    const value = {
      version: 1,
      namespace: 'ci',
      environments: { dev: { account: '111111111111' } },
      entities: [
        { kind: 'Policy', policyName: 'a', policyDocument: { $file: 'p.json' } },
        { kind: 'User', userName: 'ann', tags: { team: 'a' } },
      ],
    };
    const files = { 'm.json': JSON.stringify(value), 'p.json': JSON.stringify(allow('s3:GetObject')) };
    const account = drifted(files, (entity) => {
      entity('Policy/a').spec['policyDocument'] = allow('s3:PutObject');
      entity('User/ann').tags['team'] = 'b';
    });
    const result = update(files, account, { sources: [{ file: 'm.ts', value }] });
    expect(result.files).toMatchObject([{ file: 'p.json', text: JSON.stringify(allow('s3:PutObject')) }]);
    expect(result.patches).toMatchObject([
      { file: 'm.ts', line: 0, path: 'entities[1].tags.team', from: 'a', to: 'b', reason: 'a program makes it' },
    ]);
  });

  it('of a CloudFormation template are not changed', () => {
    const files = { 'm.yaml': ROLE };
    const account = drifted(files, (entity) => {
      entity('Role/deploy').spec['description'] = 'other';
    });
    const { tree } = parseText('m.yaml', ROLE);
    const result = update(files, account, { sources: [{ file: 'm.yaml', tree }] });
    expect(result).toMatchObject({ files: [], patches: [{ line: 9, reason: 'a CloudFormation template makes it' }] });
  });

  it('keep values that the manifest cannot have', () => {
    const { result } = taken({ 'm.yaml': ROLE }, (entity) => {
      entity('Role/deploy').tags['iam'] = '<none>';
      entity('Role/deploy').spec['maxSessionDuration'] = 7200;
    });
    expect(result.changes).toMatchObject([{ path: 'entities[0].maxSessionDuration' }]);
    expect(result.patches).toMatchObject([{ path: 'entities[0].tags', to: { iam: '<none>' } }]);
    expect(result.patches[0]?.reason).toMatch(/^the manifest would be invalid: tags\.iam /);
  });
});

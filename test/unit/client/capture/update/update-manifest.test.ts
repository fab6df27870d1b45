import type { Json } from '../../../../../src/contract/entity.js';
import { accountOf, filesAfter, update, type Editable, type Files } from '../../../../support/manifest-update.js';

const HEAD = `# The entities of CI.
version: 1
namespace: ci
environments: { dev: { account: "111111111111" } }
`;

function drifted(files: Files, change: (entity: (id: string) => Editable, account: Map<string, Editable>) => void) {
  const account = accountOf(files);
  change((id) => account.get(id) as Editable, account);
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
    expect(result).toMatchObject({ files: [], changes: [], patches: [], gone: [], untouched: [], undeclared: [] });
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
        state: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: '*' }] },
      };
      role.tags['team'] = 'platform';
      role.tags['aws:made-by'] = 'AWS';
    });
    expect(lines).toEqual([
      '+    inlinePolicies:',
      '+      state:',
      "+        Version: \"2012-10-17\"",
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

import { join } from 'node:path';
import ts from 'typescript';
import { errorsOf, OPTIONS, ROOT, textOf } from '../../support/type-check.js';

const manifest = (entities: string, before = ''): string => `
import { defineBootstrap } from '@iam-bootstrap/iam-bootstrap';
${before}
export default defineBootstrap({
  version: 1,
  namespace: 'services',
  environments: { dev: { account: '111111111111' } },
  entities: [${entities}],
});
`;

const TRUST = `assumeRolePolicyDocument: {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' }],
}`;

const VALID = [
  manifest(
    `
    { kind: 'Role', roleName: 'a', ${TRUST}, managedPolicyArns: ARNS, tags: { team: 'x' } },
    { kind: 'Role', roleName: 'b', trust: { github: { repository: 'acme/infra', environment: 'prod' } } },
    { kind: 'Role', roleName: 'c', state: 'absent', adopt: 'foreign' },
    { kind: 'Role', roleName: 'd', assumeRolePolicyDocument: { $file: 'trust.json' }, adopt: '{{adopt}}' },
    { kind: 'Policy', policyName: 'p', policyDocument: document },
    { kind: 'Group', groupName: 'g', users: ['alice'], unmanaged: { users: 'remove' } },
    { kind: 'AccountPasswordPolicy', minimumPasswordLength: 14 },
    { kind: 'User', userName: 'u', state: 'released' },
    ...['x', 'y'].map((userName) => ({ kind: 'User' as const, userName })),
    { $file: 'entity.yaml' }`,
    `
    const ARNS = ['arn:aws:iam::aws:policy/ReadOnlyAccess'] as const;
    const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:*'], Resource: '*' }] };`,
  ),
  `
  import { defineBootstrap } from '@iam-bootstrap/iam-bootstrap';
  export default defineBootstrap(({ environment, account }) => ({
    version: 1,
    namespace: 'services',
    environments: { dev: { account: '111111111111' } },
    entities: [{ kind: 'User', userName: \`\${environment}-\${account}\` }],
  }));`,
];

const REFUSED: readonly (readonly [what: string, entity: string, error: RegExp])[] = [
  [
    'a kind that does not exist',
    `{ kind: 'Rol', roleName: 'a', ${TRUST} }`,
    /"Rol"' is not assignable to type .*"Role"/,
  ],
  ['a property that does not exist', `{ kind: 'Role', rolName: 'a', ${TRUST} }`, /'rolName' does not exist/],
  [
    'a role without a trust policy',
    `{ kind: 'Role', roleName: 'a' }`,
    /not assignable to type 'RoleWithAssumeRolePolicyDocument \| RoleWithTrust/,
  ],
  [
    'a role with two trust policies',
    `{ kind: 'Role', roleName: 'a', ${TRUST}, trust: {} }`,
    /assumeRolePolicyDocument|trust/,
  ],
  ['an adoption that does not exist', `{ kind: 'User', userName: 'a', adopt: 'all' }`, /"all"' is not assignable/],
  ['a number for text', `{ kind: 'User', userName: 7 }`, /'number' is not assignable to type 'string'/],
  ['a list in place of text', `{ kind: 'User', userName: 'u', path: ['/a/'] }`, /is not assignable to type 'string'/],
  ['an entity without a name', `{ kind: 'User' }`, /'userName' is missing/],
];

describe('the types of a manifest that is a program', () => {
  // One program for all: loading the library's types takes longer than checking any of them.
  let errors: string[][];
  beforeAll(() => {
    errors = errorsOf([...VALID, ...REFUSED.map(([, entity]) => manifest(entity))]);
  });

  it('take every way to declare an entity, and a function of the environment', () => {
    expect(errors.slice(0, VALID.length)).toEqual([[], []]);
  });

  it.each(REFUSED.map(([what, , error], index) => [what, error, index] as const))(
    'refuse %s',
    (_what, error, index) => {
      expect(errors[VALID.length + index]).toEqual([expect.stringMatching(error)]);
    },
  );
});

it('needs no skipLibCheck: the types of what the library imports are whole', () => {
  const program = ts.createProgram([join(ROOT, 'src/client/index.ts')], {
    ...OPTIONS,
    // Temporal's own types do not pass with it.
    exactOptionalPropertyTypes: false,
    types: ['node'],
    resolveJsonModule: true,
  });
  const declarations = program.getSourceFiles().filter(({ isDeclarationFile }) => isDeclarationFile);
  expect(declarations.flatMap((file) => program.getSemanticDiagnostics(file)).map(textOf)).toEqual([]);
}, 120_000);

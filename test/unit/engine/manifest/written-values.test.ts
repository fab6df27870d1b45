import type { JsonObject } from '../../../../src/contract/entity.js';
import { validateManifests } from '../../../../src/engine/manifest/validate.js';
import { HEAD, manifestOptions, resolveSources, resolveText } from '../../../support/manifests.js';

const document = (operator: string, value: string): string =>
  `{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": { "${operator}": { "aws:x": ${value} } } }] }`;

const policy = (content: string): string => `${HEAD}  - { kind: Policy, policyName: p, policyDocument: ${content} }\n`;

function linesOf(result: ReturnType<typeof resolveText>): string[] {
  return result.ok
    ? []
    : result.problems.map((it) => `${it.file}:${String(it.line)}:${String(it.column)} ${it.message}; ${it.remedy}`);
}

function conditionOf(result: ReturnType<typeof resolveText>): unknown {
  expect(linesOf(result)).toEqual([]);
  const spec = result.ok ? (result.request.entities[0]?.spec as { policyDocument: { Statement: JsonObject[] } }) : null;
  return spec?.policyDocument.Statement[0]?.['Condition'];
}

describe('a number without quotes', () => {
  const changed = [
    '012345678901',
    '12345678901234567890',
    '9007199254740993',
    '1.10',
    '1e5',
    '0777',
    '0x1F',
    '+1',
    '.5',
  ];
  it.each(changed)('is refused in YAML with its place where it would be sent otherwise: %s', (value) => {
    const text = policy(document('StringEquals', value));
    const [line, ...others] = linesOf(resolveText(text));
    expect(others).toEqual([]);
    const column = (text.split('\n')[4] ?? '').indexOf(`"aws:x": ${value}`) + '"aws:x": '.length + 1;
    expect(line).toMatch(`m.yaml:5:${String(column)} ${value} is a number here, which IAM gets as`);
    expect(line).toMatch(`; quote it: "${value}"`);
  });

  it.each(['12345678901234567890', '9007199254740993', '1.10', '1e5', '-0'])(
    'is refused in a JSON file where it would be sent otherwise: %s',
    (value) => {
      const files = { 'p.json': `{\n${document('StringEquals', value).slice(1)}` };
      const [line, ...others] = linesOf(resolveText(policy('{ $file: p.json }'), {}, files));
      expect(others).toEqual([]);
      expect(line).toMatch(/^p\.json:2:\d+ .* is a number here/);
      expect(line).toMatch(`; quote it: "${value}"`);
    },
  );

  it('is refused wherever a document holds it, and shown as written', () => {
    const trust =
      '{ Version: "2012-10-17", Statement: [{ Effect: Allow, Principal: { AWS: 012345678901 }, Action: "sts:AssumeRole" }] }';
    const text = `${HEAD}  - { kind: Role, roleName: r, assumeRolePolicyDocument: ${trust} }\n`;
    expect(linesOf(resolveText(text))).toEqual([
      expect.stringMatching(/012345678901 is a number here, which IAM gets as 12345678901; quote it: "012345678901"/),
    ]);
  });

  it.each([
    ['a tag', `${HEAD}  - { kind: User, userName: u, tags: { code: 0777 } }\n`],
    ['a default tag', `${HEAD}  []\ndefaults: { tags: { code: 0777 } }\n`],
    ['a variable', `${HEAD}  []\nvariables: { code: 0777 }\n`],
    ['an account', `version: 1\nnamespace: ci\nenvironments: { dev: { account: 0777 } }\nentities: []\n`],
    ['a name', `${HEAD}  - { kind: User, userName: 0777 }\n`],
    [
      'a description',
      `${HEAD}  - { kind: Policy, policyName: p, description: 0777, policyDocument: ${document('Bool', 'true')} }\n`,
    ],
  ])('is refused as %s, with what was written', (_, text) => {
    const { problems } = validateManifests([{ file: 'm.yaml', text }], manifestOptions);
    expect(problems.map(({ remedy }) => remedy)).toContain('quote it: "0777"');
  });

  it.each([
    '3600',
    '-5',
    '0.5',
    '123456789012',
    '"1.10"',
    '2026-01-01',
    '2026-01-01T00:00:00Z',
    'yes',
    'off',
    '12:30:45',
    '1_000',
  ])('is no number, or the same to IAM: %s', (value) => {
    const written = value.replaceAll('"', '');
    const { 'aws:x': sent } = (
      conditionOf(resolveText(policy(document('StringEquals', value)))) as Record<string, JsonObject>
    )['StringEquals'] ?? { 'aws:x': null };
    expect(JSON.stringify(sent).replaceAll('"', '')).toBe(written);
  });

  it('that a program made is refused where a text is meant, or where it was rounded', () => {
    const source = (operator: string, value: number): JsonObject =>
      JSON.parse(document(operator, String(value))) as JsonObject;
    const resolve = (policyDocument: JsonObject): string[] =>
      linesOf(
        resolveSources([
          {
            file: 'm.ts',
            value: {
              version: 1,
              namespace: 'ci',
              environments: { dev: { account: '111111111111' } },
              entities: [{ kind: 'Policy', policyName: 'p', policyDocument }],
            },
          },
        ]),
      );
    expect(resolve(source('StringEquals', 511))).toEqual([
      expect.stringMatching(/m\.ts.* 511 is a number, which may not be what the program says; put it in quotes/),
    ]);
    expect(resolve(source('NumericLessThan', 3600))).toEqual([]);
    expect(resolve(source('DateLessThan', 1_735_689_600))).toEqual([]);
    expect(resolve(source('NumericLessThan', 2 ** 53))).toHaveLength(1);
  });
});

describe('a boolean without quotes', () => {
  it('is refused where a text is meant and it would be sent in another case', () => {
    expect(linesOf(resolveText(policy(document('StringEquals', 'True'))))).toEqual([
      expect.stringMatching(/True is a boolean here, which IAM gets as true; quote it: "True"/),
    ]);
    expect(conditionOf(resolveText(policy(document('Bool', 'True'))))).toEqual({ Bool: { 'aws:x': true } });
  });
});

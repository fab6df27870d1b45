import fc from 'fast-check';
import { parseGuardrails, type ParsedGuardrails } from '../../../src/guardrails/parse.js';

const KINDS = ['Role', 'User', 'Group', 'Policy'];

const RULES = `version: 1
accounts:
  "111111111111": {}
  "222222222222": { assumeRole: "arn:aws:iam::222222222222:role/x", namespaces: [ci-*] }
namespaces: [ci]
entities: { paths: [/ci/], names: ["{{environment}}-*"], kinds: { deny: [User] } }
grants: { denyManagedPolicies: [AdministratorAccess], denyActions: ["iam:*User*"], denyWildcardAction: true }
trust: { denyAnyone: true, accounts: ["111111111111"] }
destroy: deny
`;

/** Pieces by which YAML, patterns and objects change their meaning. */
const PIECES = [
  ...['&a', '*a', '<<: *a', '!!binary x', '---\n', '...\n', '%YAML 1.1\n', '? ', '|', '>', '\t', '\u0000', '\ufeff'],
  ...['__proto__: 1', 'constructor: {}', 'toString', '{{account}}', '{{', '}}', '*', '[', ']', '{', '}', '"', "'", '#'],
  ...['\n', ': ', ', ', '1e999', '.nan', 'null', '~', 'yes', '0o17', '\u202e', '😀'],
];

function parse(text: string): ParsedGuardrails {
  return parseGuardrails('guardrails.yaml', text, { kinds: KINDS });
}

/** Fails unless a file is taken, or refused with its problems, each with a position and a remedy. */
function expectAnswer(text: string): void {
  const parsed = parse(text);
  if (parsed.ok) {
    expect(parsed.guardrails.rules.version).toBe(1);
    return;
  }
  expect(parsed.problems.length).toBeGreaterThan(0);
  for (const { file, line, message, remedy } of parsed.problems) {
    expect([file, line >= 0, message === '', remedy === '']).toEqual(['guardrails.yaml', true, false, false]);
  }
}

afterAll(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test('the file that is changed below is taken', () => {
  expect(parse(RULES)).toMatchObject({ ok: true });
});

test('any text is taken or refused with its problems', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom(...PIECES)).map((all) => all.join('')),
      ),
      expectAnswer,
    ),
  );
});

test('a file in which something was inserted, removed or doubled is taken or refused with its problems', () => {
  const at = fc.nat(RULES.length);
  fc.assert(
    fc.property(at, fc.nat(40), fc.constantFrom(...PIECES, ''), fc.boolean(), (from, length, piece, doubles) => {
      const cut = RULES.slice(from, from + length);
      expectAnswer(RULES.slice(0, from) + (doubles ? cut + cut : '') + piece + RULES.slice(from + length));
    }),
    { numRuns: 500 },
  );
});

test('any JSON in the place of a rule is taken or refused with its problems', () => {
  const rules = ['accounts', 'namespaces', 'entities', 'grants', 'trust', 'adopt', 'destroy', 'identity', 'version'];
  fc.assert(
    fc.property(fc.constantFrom(...rules), fc.jsonValue(), (rule, value) => {
      expectAnswer(JSON.stringify({ version: 1, accounts: { '111111111111': {} }, [rule]: value }));
    }),
    { numRuns: 500 },
  );
});

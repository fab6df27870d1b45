import fc from 'fast-check';
import type { DesiredEntity } from '../../../../src/contract/entity.js';
import { TemplateEvaluator, type EvaluatedStack, type Expected } from '../../../support/cloudformation-evaluator.js';
import { yamlOf } from '../../../support/cloudformation-text.js';
import { Draw, drawTemplate, withOtherOrder } from '../../../support/cloudformation-templates.js';
import { convert, entitiesOf, entitiesOfSource } from '../../../support/templates.js';

/** Laws of templates, on templates that are drawn at random. */

const seed = fc.integer({ min: 0, max: 2 ** 31 });
const RUNS = { numRuns: 60 };

const optionsOf = ({ region, stackName, parameters, names, secrets }: EvaluatedStack) => ({
  region,
  stackName,
  parameters,
  names,
  secrets,
});

/** Lists whose order IAM does not keep. */
const SETS = ['managedPolicyArns', 'users', 'roles'];

/** Returns entities without their order, with ARNs in place of references. */
function comparable(
  entities: readonly Pick<DesiredEntity, 'kind' | 'spec' | 'protect'>[],
  expected: readonly Expected[],
): readonly string[] {
  const arns = new Map(expected.map(({ reference, arn }) => [reference, arn]));
  const text = (value: string): string =>
    value.replace(/\{\{arn ([^{}]+)\}\}/g, (whole, id: string) => arns.get(id) ?? whole);
  return entities
    .map(({ kind, spec, protect = false }) => {
      const resolved = withTexts(spec, text) as Record<string, unknown>;
      for (const set of SETS) if (Array.isArray(resolved[set])) resolved[set] = (resolved[set] as string[]).toSorted();
      return JSON.stringify({ kind, protect, spec: sorted(resolved) }, null, 1);
    })
    .toSorted();
}

function withTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one) => withTexts(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withTexts(one, change)]));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

test('the entities of a template are those that its functions, conditions and attachments give', () => {
  fc.assert(
    fc.property(seed, (drawn) => {
      const { template, stack } = drawTemplate(drawn);
      const expected = new TemplateEvaluator(template, stack).entities();
      const found = entitiesOf(JSON.stringify(template, null, 1), optionsOf(stack));
      expect(comparable(found, expected)).toEqual(comparable(expected as never, expected));
    }),
    RUNS,
  );
});

test('a template gives the same entities in JSON and in YAML, with long functions and with short tags', () => {
  fc.assert(
    fc.property(seed, (drawn) => {
      const { template, stack } = drawTemplate(drawn);
      const json = entitiesOf(JSON.stringify(template), optionsOf(stack));
      const yaml = entitiesOf(yamlOf(template, new Draw(drawn)), optionsOf(stack));
      expect(yaml.map(withoutSource)).toEqual(json.map(withoutSource));
    }),
    RUNS,
  );
});

test('a template gives the same entities as the manifest that it is converted to', () => {
  fc.assert(
    fc.property(seed, (drawn) => {
      const { template, stack } = drawTemplate(drawn);
      const text = JSON.stringify(template, null, 1);
      const converted = entitiesOf(text, optionsOf(stack));
      expect(entitiesOfSource(text, optionsOf(stack)).map(withoutSource)).toEqual(converted.map(withoutSource));
    }),
    RUNS,
  );
});

test('the order of the resources of a template does not matter', () => {
  fc.assert(
    fc.property(seed, seed, (drawn, order) => {
      const { template, stack } = drawTemplate(drawn);
      const expected = new TemplateEvaluator(template, stack).entities();
      const [one, other] = [template, withOtherOrder(template, order)].map((each) =>
        comparable(entitiesOf(JSON.stringify(each), optionsOf(stack)), expected),
      );
      expect(other).toEqual(one);
    }),
    RUNS,
  );
});

test('every problem of a template has its file, line and column', () => {
  fc.assert(
    fc.property(seed, seed, (drawn, change) => {
      const { template, stack } = drawTemplate(drawn);
      const draw = new Draw(change);
      const broken = damaged(template, draw);
      const text = draw.chance(50) ? JSON.stringify(broken, null, 1) : yamlOf(broken, draw);
      const result = convert(text, optionsOf(stack));
      const lines = text.split('\n');
      for (const { file, line, column, path, message, remedy } of result.ok ? result.warnings : result.problems) {
        expect([message, remedy]).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)]);
        // An option has no place in the file.
        if (line === 0) expect(path).toMatch(/^--/);
        else {
          expect(file).toBe('stack.yaml');
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
        }
      }
    }),
    { numRuns: 3 * RUNS.numRuns },
  );
});

const withoutSource = (entity: DesiredEntity): object => ({ ...entity, source: undefined });

/** Replaces a value anywhere in a template by another one, or takes it away. */
function damaged(value: unknown, draw: Draw): unknown {
  const others = [
    'text',
    '',
    7,
    true,
    null,
    [],
    {},
    ['x'],
    { Ref: 'Nothing' },
    { 'Fn::Sub': '${' },
    { 'Fn::If': ['C0'] },
  ];
  if (typeof value !== 'object' || value === null || draw.chance(8)) return draw.pick(others);
  const entries = Object.entries(value);
  if (entries.length === 0) return draw.pick(others);
  const at = draw.below(entries.length);
  const isRemoved = draw.chance(10);
  const changed = entries.flatMap(([key, member], index): [string, unknown][] => {
    if (index !== at) return [[key, member]];
    return isRemoved ? [] : [[draw.chance(5) ? `${key}x` : key, damaged(member, draw)]];
  });
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}

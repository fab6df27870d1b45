import { z } from 'zod';
import { commonSchema } from '../../../src/engine/manifest/fields.js';
import { KINDS } from '../../../src/kinds/index.js';

test.each(KINDS.map((kind) => [kind.name, kind] as const))('%s: every property says what it is', (_name, kind) => {
  const { properties = {} } = z.toJSONSchema(kind.schema, { io: 'input', unrepresentable: 'any' });
  const described = { ...properties, tags: z.toJSONSchema(commonSchema.shape.tags, { io: 'input' }) };
  const silent = Object.entries(described).filter(
    ([, schema]) => typeof schema !== 'object' || !/^[A-Z`].*[.:]/.test(schema.description ?? ''),
  );
  expect(silent.map(([property]) => property)).toEqual([]);
});

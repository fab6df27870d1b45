import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { SECTIONS } from '../../../../src/client/capture/sections.js';
import { findKind, KINDS } from '../../../../src/kinds/index.js';
import { anAccount, capturedOf, differences, write } from '../../../support/captured.js';
import { KIND_FIXTURES } from '../../../support/kind-fixtures/index.js';

const CASES = Object.entries(KIND_FIXTURES).flatMap(([kind, { minimal, full, sibling }]) =>
  Object.entries({ minimal, full, ...(sibling === undefined ? {} : { sibling }) }).map(
    ([which, spec]) => [kind, which, spec] as const,
  ),
);

describe('the manifest of a captured account', () => {
  it.each(CASES)('declares %s of a %s spec as it is', (kind, _, spec) => {
    const written = write([capturedOf(kind, spec)]);
    expect(written).toMatchObject({ leftOut: [], notDeclared: [], problems: [], captured: [{ kind }] });
    expect(differences(written)).toEqual([]);
  });

  it('declares any account as it is, and gives reasons for what is missing', () => {
    fc.assert(
      fc.property(anAccount, fc.constantFrom('yaml' as const, 'json' as const), (entities, format) => {
        const written = write(entities, { format });
        expect(written.problems).toEqual([]);
        expect(differences(written)).toEqual([]);
        expect(written.captured.length + written.leftOut.length).toBe(entities.length);
        const paths = written.files.map((file) => file.path.toLowerCase());
        expect(new Set(paths).size).toBe(paths.length);
        for (const path of paths) {
          expect(path).toMatch(
            /^(?:(?:policies|certificates|keys|metadata)\/)?[a-z\d_][\w.-]*\.(?:yaml|json|pem|pub|xml)$/,
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is tried with every kind and with every property that AWS shows', () => {
    const drawn = new Set<string>();
    for (const { kind, spec, missing, tags } of fc.sample(anAccount, { seed: 1, numRuns: 60 }).flat()) {
      drawn.add(kind);
      const rules = findKind(kind)?.properties ?? {};
      // A value that is there where nobody chooses one would prove nothing.
      const chosen = Object.keys(spec).filter(
        (property) => !isDeepStrictEqual(spec[property], rules[property]?.default ?? null),
      );
      for (const property of [...chosen, ...missing]) drawn.add(`${kind}.${property}`);
      if (Object.keys(tags).length > 0) drawn.add(`${kind}.tags`);
    }
    const all = KINDS.flatMap(({ name, schema }) => [
      name,
      ...Object.keys(schema.shape).map((property) => `${name}.${property}`),
    ]);
    expect(all.filter((one) => !drawn.has(one))).toEqual([]);
  });

  it('is the same for the same entities in another order', () => {
    fc.assert(
      fc.property(
        anAccount.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all], { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(write(shuffled).files).toEqual(write(all).files);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('has a section for each kind', () => {
    expect(SECTIONS.flatMap(({ kinds }) => kinds).sort()).toEqual(KINDS.map(({ name }) => name).sort());
  });
});

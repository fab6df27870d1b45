import { renderReport } from '../../../src/cli/render/report.js';
import { renderSummary } from '../../../src/cli/render/summary.js';
import type { Json, JsonObject } from '../../../src/contract/entity.js';
import type { Report } from '../../../src/contract/report.js';
import { shapeOf } from '../../../src/engine/manifest/manifest-kind.js';
import { KINDS } from '../../../src/kinds/index.js';
import type { Kind } from '../../../src/kinds/kind.js';
import { labelOf } from '../../../src/report/drift.js';
import { planDetails, progressDetails } from '../../../src/workflows/details.js';
import { KIND_FIXTURES } from '../../support/kind-fixtures/index.js';
import { OURS, planOf } from '../../support/planned.js';

/**
 * An approver sees everything: for each property of each kind, what a create would give, what a change would change and
 * what is kept unmanaged. The cases come from the schemas, so that a new property cannot be forgotten.
 */
const PROPERTIES = KINDS.flatMap((kind) =>
  Object.keys(shapeOf(kind)).map((property): [string, string, Kind] => [kind.name, property, kind]),
);

/** The places where a plan is decided on: the terminal, the job, and in the Temporal UI the approval and the page of a plan. */
function viewsOf(report: Report): Readonly<Record<string, string>> {
  const pending = { plan: 'sha256:0', openedAt: 'now', expiresAt: 'later', report };
  const progress = { phase: 'awaiting approval', done: 0, total: 1, entities: [], waitingFor: null } as const;
  return {
    terminal: renderReport(report),
    summary: renderSummary(report),
    approval: unwrapped(progressDetails(progress, pending, { count: 0, last: '' })),
    page: unwrapped(planDetails(report)),
  };
}

/** Joins the lines that a page has wrapped. */
function unwrapped(page: string): string {
  return page.replace(/\n[-+! ] {5}/g, ' ');
}

function expectVisible(report: Report, texts: readonly string[]): void {
  for (const [view, text] of Object.entries(viewsOf(report))) {
    expect([view, texts.filter((one) => !text.includes(one))]).toEqual([view, []]);
  }
}

/** Returns every text and number in a value, as it is written in a line. Of long texts, the beginning. The version of a document is the usual one. */
function leavesOf(value: Json, ignored: readonly string[] = ['Version']): readonly string[] {
  if (typeof value === 'string') return [JSON.stringify(value).slice(1, -1).slice(0, 50)];
  if (value === null || typeof value !== 'object') return [JSON.stringify(value)];
  if (Array.isArray(value)) return value.flatMap((member: Json) => leavesOf(member, ignored));
  return Object.entries(value as JsonObject).flatMap(([key, member]) =>
    ignored.includes(key) ? [] : leavesOf(member, ignored),
  );
}

function fixtureOf(kind: Kind): (typeof KIND_FIXTURES)[string] {
  const fixture = KIND_FIXTURES[kind.name];
  if (fixture === undefined) throw new RangeError(`no fixture of ${kind.name}`);
  return fixture;
}

/** Returns the entity of a full spec as AWS shows it. */
function foundOf(kind: Kind, spec: JsonObject) {
  const { tags, ...state } = spec;
  const shown = Object.fromEntries(
    Object.entries(state).filter(([property]) => Object.hasOwn(kind.properties, property)),
  );
  return { state: shown, tags: { ...(kind.ownable ? OURS : {}), ...(tags as Record<string, string> | undefined) } };
}

describe.each(PROPERTIES)('%s.%s', (_name, property, kind) => {
  const { full, properties } = fixtureOf(kind);

  test('is in the fixture of its kind', () => {
    expect(Object.keys(full)).toContain(property);
    const rule = kind.properties[property];
    if (rule !== undefined && rule.type !== 'writeOnly') expect(Object.keys(properties)).toContain(property);
  });

  test('shows in a create', () => {
    const report = planOf([{ kind: kind.name, spec: full }]);
    expect(report.entities[0]?.decision).toBe('create');
    const value = full[property] ?? null;
    const isScalar = typeof value === 'number' || typeof value === 'boolean';
    expectVisible(report, isScalar ? [`${labelOf(property)} = ${String(value)}`] : leavesOf(value));
  });

  const changed =
    property === 'tags' ? { ...(full['tags'] as JsonObject), team: 'another team' } : properties[property]?.changed;
  const isCompared = kind.properties[property]?.type !== 'writeOnly' && changed !== undefined;
  // AWS does not show it, or a different value is a different entity.
  if (isCompared)
    test('shows in a change, before and after', () => {
      const found = foundOf(kind, full);
      const report = planOf([{ kind: kind.name, spec: { ...full, [property]: changed }, found }]);
      const { drift = [] } = report.entities[0] ?? {};
      expect(drift.length).toBeGreaterThan(0);
      // A Sid alone means nothing, so that statements with two of them are shown as one that changes.
      const [before = [], after = []] = [full[property] ?? null, changed].map((value) =>
        leavesOf(value, ['Version', 'Sid']),
      );
      if (changed === null) {
        expectVisible(report, ['removed: ', ...before]);
        return;
      }
      const isText = kind.properties[property]?.type === 'text';
      const without = (texts: readonly string[], others: readonly string[]): readonly string[] =>
        texts.filter((text) => !others.includes(text));
      expectVisible(report, isText ? [property] : [...without(before, after), ...without(after, before)]);
    });

  const type = property === 'tags' ? 'tags' : kind.properties[property]?.type;
  const extra: Readonly<Record<string, [Json, string]>> = {
    set: [['by-hand'], 'by-hand'],
    documents: [{ 'by-hand': { Version: '2012-10-17', Statement: [] } }, 'by-hand'],
    tags: [{ 'by-hand': '1' }, 'by-hand'],
  };
  const added = extra[type ?? ''];
  // Only a collection can hold more than the manifest declares, and the rest of an authoritative one is removed.
  const canBeUnmanaged = added !== undefined && kind.properties[property]?.authoritative !== true;
  if (canBeUnmanaged)
    test('shows what is unmanaged, and that it is kept', () => {
      const [content, name] = added;
      const empty = type === 'set' ? [] : {};
      const found = foundOf(kind, { ...full, [property]: content });
      const report = planOf([{ kind: kind.name, spec: { ...full, [property]: empty }, found }]);
      expectVisible(report, ['! unmanaged, kept: ', name]);
    });
});

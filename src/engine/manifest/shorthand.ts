import type { DesiredState, Target } from '../../contract/entity.js';
import { issuesToProblems } from './issues.js';
import type { ManifestKind } from './manifest-kind.js';
import { problemAt, mapTree, scalarTree, toJson, treeOf, type MapTree, type Tree } from './tree.js';
import type { Report } from './problem.js';

interface Expandable {
  readonly path: readonly PropertyKey[];
  readonly kind: ManifestKind | null;
  readonly state: DesiredState;
  readonly spec: MapTree;
  readonly broken: ReadonlySet<Tree>;
}

/** A property that was written in short, and the one in its place. */
export interface Expanded {
  readonly property: string;
  readonly replaces: string;
}

/** Puts the property that a kind's short form stands for in its place. Reports a short form that is invalid. */
export function expandShorthand<T extends Expandable>(
  draft: T,
  target: Target,
  report: Report,
): T & { readonly expanded?: Expanded } {
  const { kind, path, spec } = draft;
  const short = kind?.shorthand;
  const entry = spec.entries.get(short?.property ?? '');
  if (short === undefined || entry === undefined || draft.state === 'absent') return draft;
  const { property, replaces } = short;
  const lost = scalarTree(entry.value.at, null);
  const entries = new Map([...spec.entries].filter(([name]) => name !== property));
  const withValue = (value: typeof entry.value, broken = draft.broken): T & { readonly expanded: Expanded } => {
    entries.set(replaces, { at: entry.at, value });
    return { ...draft, spec: mapTree(spec.at, entries), broken, expanded: { property, replaces } };
  };
  if (entries.has(replaces)) {
    const message = `${property} and ${replaces} are both given, and each is the whole of it`;
    report(problemAt(entry.at, [...path, property], message, 'remove one of them'));
    return withValue(lost, new Set([...draft.broken, lost]));
  }
  const value = toJson(entry.value);
  const problems = issuesToProblems(short.schema.safeParse(value).error?.issues ?? [], {
    tree: entry.value,
    broken: draft.broken,
    pathOf: (inner) => [...path, property, ...inner],
    owner: property,
    fields: Object.keys(short.schema.shape),
  });
  problems.forEach(report);
  if (problems.length > 0 || draft.broken.has(entry.value)) return withValue(lost, new Set([...draft.broken, lost]));
  return withValue(treeOf(short.expand(value, target), entry.value.at));
}

import type { z } from 'zod';
import { nearest, suggestion } from '../text.js';
import { constraint, expectation, plain, remedyOf, shown, withValue, wrongType, type Finding } from './issue-text.js';
import { pathText, quoted, type Problem } from './problem.js';
import { follow, problemAt, type Found, type MapEntry, type SourceOffset, type Tree } from './tree.js';

type Issue = z.core.$ZodIssue;

/** The value that a schema refused, and its context. */
export interface IssueContext {
  readonly tree: Tree;
  /** Returns the path in the manifest of a path in the value. */
  readonly pathOf: (path: readonly PropertyKey[]) => readonly PropertyKey[];
  /** Names the value in messages about unknown fields: `Role`. */
  readonly owner: string;
  /** Fields that the owner has, for suggestions. */
  readonly fields: readonly string[];
  /** Values with a reported problem: issues of them are consequences. */
  readonly broken?: ReadonlySet<Tree>;
  readonly unknownField?: (field: string) => Finding | undefined;
}

/** Turns zod's issues into problems with positions and remedies. */
export function issuesToProblems(issues: readonly Issue[], context: IssueContext): Problem[] {
  // Further checks of a value with the wrong type measure something else: the length of a text, not of a list.
  const mistyped = new Set(issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => pathText(path)));
  const meant = meantFields(issues, context);
  // A map with a field that does not exist may lack what the field was meant to be.
  const misnamed = new Set(issues.filter(({ code }) => code === 'unrecognized_keys').map(({ path }) => pathText(path)));
  return issues
    .filter((issue) => issue.code === 'invalid_type' || !mistyped.has(pathText(issue.path)))
    .filter(({ path }) => path.length !== 1 || !meant.has(String(path[0])))
    .filter(({ code, path }) => code !== 'custom' || !misnamed.has(pathText(path)))
    .flatMap((issue) => (isConsequence(issue, context) ? [] : problemsOfIssue(issue, context)));
}

/** Returns the fields that were probably meant by fields that do not exist: that they are missing is a consequence. */
function meantFields(issues: readonly Issue[], { tree, fields }: IssueContext): ReadonlySet<string> {
  const unknown = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [],
  );
  const missing = fields.filter((field) => tree.type === 'map' && !tree.entries.has(field));
  return new Set(unknown.flatMap((key) => nearest(key, missing) ?? []));
}

function isConsequence(issue: Issue, { tree, broken }: IssueContext): boolean {
  if (broken === undefined || broken.size === 0) return false;
  if (broken.has(tree)) return true;
  let last = tree;
  for (let length = 1; length <= issue.path.length; length++) {
    const here = follow(tree, issue.path.slice(0, length)).tree;
    if (here === undefined) break;
    if (broken.has(here)) return true;
    last = here;
  }
  // A missing value, or a wrong total, can be a consequence of the part that was lost.
  return last !== tree && issue.code !== 'unrecognized_keys' && holdsAny(last, broken);
}

function holdsAny(tree: Tree, wanted: ReadonlySet<Tree>): boolean {
  if (wanted.has(tree)) return true;
  if (tree.type === 'list') return tree.items.some((item) => holdsAny(item, wanted));
  return tree.type === 'map' && [...tree.entries.values()].some(({ value }) => holdsAny(value, wanted));
}

function problemsOfIssue(issue: Issue, context: IssueContext): Problem[] {
  const found = follow(context.tree, issue.path);
  const problem = ({ message, remedy }: Finding, at: SourceOffset = found.at): Problem =>
    problemAt(at, context.pathOf(found.path), message, remedy);
  const label = found.path.length === 0 ? context.owner : pathText(found.path);
  const { tree } = found;
  if (tree === undefined && !pointsAtMissing(issue, found)) {
    const expected = 'expected' in issue ? ` (${expectation(issue.expected)})` : '';
    const remedy = `add ${String(found.path.at(-1) ?? '')}${expected}`;
    return [problem({ message: `${label} is missing`, remedy })];
  }
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(key, issue.path, found, context));
    case 'invalid_type':
      return [problem(wrongType(issue.expected, label, tree))];
    case 'invalid_union':
      return unionProblems(issue, context, label, problem);
    case 'invalid_key':
      return [problem(invalidKey(issue), found.keyAt)];
    case 'custom':
      return [problem(customProblem(issue, label, tree))];
    default: {
      const { message, remedy } = constraint(issue, tree);
      return [problem({ message: `${label} ${shown(label, tree)} ${message}`, remedy })];
    }
  }
}

/** Reports whether an issue is about a value that does not exist. A kind's own check may name one inside a property. */
function pointsAtMissing(issue: Issue, { path }: Found): boolean {
  return issue.code === 'unrecognized_keys' || (issue.code === 'custom' && path.length > 1);
}

function invalidKey(issue: Extract<Issue, { code: 'invalid_key' }>): Finding {
  const inner = issue.issues[0];
  const { message, remedy } =
    inner === undefined ? { message: 'is not allowed', remedy: 'change it' } : constraint(inner);
  return { message: `the key ${quoted(String(issue.path.at(-1) ?? ''))} ${message}`, remedy };
}

function customProblem(issue: Extract<Issue, { code: 'custom' }>, label: string, tree: Tree | undefined): Finding {
  const remedy: unknown = issue.params?.['remedy'];
  const message = plain(issue.message);
  return {
    message: withValue(label, message, tree),
    remedy: typeof remedy === 'string' ? remedy : remedyOf(message, label),
  };
}

/** Fields of earlier versions by their present names. */
const RENAMED_FIELDS: ReadonlyMap<string, string> = new Map([
  ['undeclared', 'unmanaged'], // check-words: allow
]);

/** Returns the problem of a field that has a new name. */
function renamedField(key: string, { fields }: IssueContext, value: Tree | undefined): Finding | undefined {
  const name = RENAMED_FIELDS.get(key);
  if (name === undefined || !fields.includes(name)) return undefined;
  const written = value?.type === 'scalar' ? String(value.value) : 'keep';
  return { message: `\`${key}\` is now \`${name}\``, remedy: `write \`${name}: ${written}\`` };
}

function unknownField(key: string, path: readonly PropertyKey[], found: Found, context: IssueContext): Problem {
  const entries = found.tree?.type === 'map' ? found.tree.entries : new Map<string, MapEntry>();
  const entry = entries.get(key);
  const isOuter = path.length === 0;
  const other = isOuter ? (renamedField(key, context, entry?.value) ?? context.unknownField?.(key)) : undefined;
  const owner = isOuter ? context.owner : pathText(path);
  const unused = context.fields.filter((field) => !entries.has(field));
  const message = other?.message ?? `${owner} has no field ${quoted(key)}`;
  const remedy = other?.remedy ?? (isOuter ? suggestion(key, unused, 'remove it') : 'remove it');
  return problemAt(entry?.at ?? found.at, context.pathOf([...path, key]), message, remedy);
}

type MakeProblem = (finding: Finding) => Problem;

/** Reports the alternative that was most likely meant, for a value that may be one thing or another. */
function unionProblems(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  context: IssueContext,
  label: string,
  problem: MakeProblem,
): Problem[] {
  const rest = follow(context.tree, issue.path);
  const branches = issue.errors.filter((branch) => branch.length > 0);
  const own = branches.filter(
    (branch) => !branch.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
  );
  const best = own.toSorted((a, b) => a.length - b.length || depthOf(b) - depthOf(a))[0];
  if (best !== undefined) {
    return issuesToProblems(
      best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
      context,
    );
  }
  const types = branches
    .flat()
    .flatMap((inner) =>
      inner.code === 'invalid_type' && inner.path.length === 0 ? [expectation(inner.expected)] : [],
    );
  const wanted = types.length === 0 ? 'another value' : [...new Set(types)].join(' or ');
  const message = `${label} must be ${wanted}, found ${shown(label, rest.tree)}`;
  return [problem({ message, remedy: `write ${wanted}` })];
}

function depthOf(issues: readonly Issue[]): number {
  return issues.reduce((deepest, issue) => Math.max(deepest, issue.path.length), 0);
}

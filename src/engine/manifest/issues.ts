import type { z } from 'zod';
import { nearest, suggestion } from '../text.js';
import type { Problem } from './problem.js';
import { pathText } from './problem.js';
import type { SourceOffset, Tree } from './tree.js';
import { positionOf } from './tree.js';

type Issue = z.core.$ZodIssue;

/** What is known of the value that a schema has refused. */
export interface IssueContext {
  /** The refused value. */
  readonly tree: Tree;
  /** Path of the value in the manifest; an issue's own path comes after it. */
  readonly pathOf: (path: readonly PropertyKey[]) => readonly PropertyKey[];
  /** Names the value in messages about unknown fields: `Role`. */
  readonly owner: string;
  /** Fields that the owner has, for suggestions. */
  readonly fields: readonly string[];
  /** Values of which something has been reported already; what a schema says of them is a consequence. */
  readonly broken?: ReadonlySet<Tree>;
  /** Another message for an unknown field. */
  readonly unknownField?: (field: string) => { readonly message: string; readonly remedy: string } | undefined;
}

/** Turns what zod has found into problems with places and remedies. */
export function issuesToProblems(issues: readonly Issue[], context: IssueContext): Problem[] {
  // Further checks of a value of the wrong type measure something else: the length of text for that of a list.
  const mistyped = new Set(issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => pathText(path)));
  return issues
    .filter((issue) => issue.code === 'invalid_type' || !mistyped.has(pathText(issue.path)))
    .flatMap((issue) => (isConsequence(issue, context) ? [] : problemsOfIssue(issue, context)));
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
  // What is missing, or wrong as a whole, may be so for the part that was lost.
  return last !== tree && issue.code !== 'unrecognized_keys' && holdsAny(last, broken);
}

function holdsAny(tree: Tree, wanted: ReadonlySet<Tree>): boolean {
  if (wanted.has(tree)) return true;
  if (tree.type === 'list') return tree.items.some((item) => holdsAny(item, wanted));
  return tree.type === 'map' && [...tree.entries.values()].some(({ value }) => holdsAny(value, wanted));
}

/** What a path leads to. */
interface Found {
  /** The value, or undefined where the path ends before it. */
  readonly tree: Tree | undefined;
  readonly at: SourceOffset;
  /** The key's place, where the value is in a map. */
  readonly keyAt: SourceOffset;
  readonly path: readonly PropertyKey[];
}

/**
 * Follows a path as far as it goes. A key that holds dots may come as several segments, since checks of documents
 * write paths as text.
 */
function follow(tree: Tree, path: readonly PropertyKey[]): Found {
  let here = tree;
  let keyAt = tree.at;
  const walked: PropertyKey[] = [];
  for (let index = 0; index < path.length;) {
    const segment = path[index] ?? '';
    if (here.type === 'list' && typeof segment === 'number') {
      const item = here.items[segment];
      if (item === undefined) return { tree: undefined, at: here.at, keyAt, path: [...walked, segment] };
      here = item;
      keyAt = item.at;
      walked.push(segment);
      index++;
      continue;
    }
    if (here.type !== 'map') return { tree: here, at: here.at, keyAt, path: walked };
    let key = String(segment);
    let end = index + 1;
    while (!here.entries.has(key) && end < path.length) key += `.${String(path[end++])}`;
    const entry = here.entries.get(key);
    if (entry === undefined) {
      return { tree: undefined, at: here.at, keyAt, path: [...walked, segment] };
    }
    here = entry.value;
    keyAt = entry.at;
    walked.push(key);
    index = end;
  }
  return { tree: here, at: here.at, keyAt, path: walked };
}

function problemsOfIssue(issue: Issue, context: IssueContext): Problem[] {
  const found = follow(context.tree, issue.path);
  const problem = (message: string, remedy: string, at: SourceOffset = found.at, path = found.path): Problem => ({
    ...positionOf(at),
    path: pathText(context.pathOf(path)),
    message,
    remedy,
  });
  const label = found.path.length === 0 ? context.owner : pathText(found.path);
  const { tree } = found;

  // A check of its own may point at what is not there; where that is a whole property, it is missing all the same.
  const told = issue.code === 'unrecognized_keys' || (issue.code === 'custom' && found.path.length > 1);
  if (tree === undefined && !told) {
    const last = String(found.path.at(-1) ?? '');
    const written = 'expected' in issue ? ` (${expectation(issue.expected)})` : '';
    return [problem(`${label} is missing`, `add ${last}${written}`)];
  }
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(key, issue.path, found, context));
    case 'invalid_type':
      return [wrongType(issue.expected, label, tree, problem)];
    case 'invalid_union':
      return unionProblems(issue, context, label, problem);
    case 'invalid_key': {
      const key = String(issue.path.at(-1) ?? '');
      const inner = issue.issues[0];
      const reason = inner === undefined ? { message: 'is not allowed', remedy: 'change it' } : constraint(inner);
      return [problem(`the key ${quoted(key)} ${reason.message}`, reason.remedy, found.keyAt)];
    }
    case 'custom': {
      const remedy: unknown = issue.params?.['remedy'];
      const message = plain(issue.message);
      return [problem(withValue(label, message, tree), typeof remedy === 'string' ? remedy : remedyOf(message, label))];
    }
    default: {
      const { message, remedy } = constraint(issue, tree);
      return [problem(`${label} ${shown(label, tree)} ${message}`, remedy)];
    }
  }
}

function unknownField(key: string, path: readonly PropertyKey[], found: Found, context: IssueContext): Problem {
  const entry = found.tree?.type === 'map' ? found.tree.entries.get(key) : undefined;
  const own = path.length === 0 ? context.unknownField?.(key) : undefined;
  const owner = path.length === 0 ? context.owner : pathText(path);
  const remedy =
    path.length === 0
      ? suggestion(
          key,
          context.fields.filter((field) => found.tree?.type !== 'map' || !found.tree.entries.has(field)),
          'remove it',
        )
      : 'remove it';
  return {
    ...positionOf(entry?.at ?? found.at),
    path: pathText(context.pathOf([...path, key])),
    message: own?.message ?? `${owner} has no field ${quoted(key)}`,
    remedy: own?.remedy ?? remedy,
  };
}

type MakeProblem = (message: string, remedy: string) => Problem;

function wrongType(expected: string, label: string, tree: Tree | undefined, problem: MakeProblem): Problem {
  if (tree?.type === 'scalar' && tree.value === null) {
    return problem(`${label} is empty, expected ${expectation(expected)}`, 'give it a value, or remove it');
  }
  const message = `${label} must be ${expectation(expected)}, found ${shown(label, tree)}`;
  if (tree?.type === 'scalar') {
    if (expected === 'string') return problem(message, `quote it: "${tree.raw ?? String(tree.value)}"`);
    if (expected === 'array') return problem(message, `write a list: [${shown(label, tree)}]`);
    const text = typeof tree.value === 'string' ? tree.value : '';
    if ((expected === 'number' || expected === 'int') && /^-?\d+$/.test(text)) {
      return problem(message, `write it without quotes: ${text}`);
    }
    if (expected === 'boolean') {
      const meant = /^(yes|on|y|true|1)$/i.test(text) ? 'true' : /^(no|off|n|false|0)$/i.test(text) ? 'false' : null;
      return problem(
        message,
        meant === null ? 'write true or false, without quotes' : `write ${meant}, without quotes`,
      );
    }
  }
  return problem(message, `write ${expectation(expected)}`);
}

/** Of a value that may be one thing or another, the branch that was most likely meant. */
function unionProblems(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  context: IssueContext,
  label: string,
  problem: MakeProblem,
): Problem[] {
  const rest = follow(context.tree, issue.path);
  const branches = issue.errors.filter((branch) => branch.length > 0);
  const own = branches.filter((branch) => !branch.some((one) => one.path.length === 0 && one.code === 'invalid_type'));
  const best = own.toSorted((a, b) => a.length - b.length || depthOf(b) - depthOf(a))[0];
  if (best !== undefined) {
    return issuesToProblems(
      best.map((one) => ({ ...one, path: [...issue.path, ...one.path] })),
      context,
    );
  }
  const types = [
    ...new Set(
      branches.flatMap((branch) =>
        branch.flatMap((one) =>
          one.code === 'invalid_type' && one.path.length === 0 ? [expectation(one.expected)] : [],
        ),
      ),
    ),
  ];
  const wanted = types.length === 0 ? 'another value' : types.join(' or ');
  return [problem(`${label} must be ${wanted}, found ${shown(label, rest.tree)}`, `write ${wanted}`)];
}

function depthOf(issues: readonly Issue[]): number {
  return issues.reduce((deepest, issue) => Math.max(deepest, issue.path.length), 0);
}

/** What a value breaks, as the end of a sentence that begins with the value. */
function constraint(issue: Issue, tree?: Tree): { readonly message: string; readonly remedy: string } {
  switch (issue.code) {
    case 'too_small':
    case 'too_big':
      return outOfBounds(issue, tree);
    case 'invalid_value': {
      const values = issue.values.map(String);
      const given = tree?.type === 'scalar' ? String(tree.value) : '';
      if (values.length === 1) return { message: `is not ${values.join('')}`, remedy: `write ${values.join('')}` };
      const meant = nearest(given, values);
      return {
        message: `is not one of ${values.join(', ')}`,
        remedy: meant === undefined ? `write one of ${values.join(', ')}` : `did you mean ${meant}?`,
      };
    }
    case 'invalid_format': {
      const pattern = 'pattern' in issue && typeof issue.pattern === 'string' ? issue.pattern : undefined;
      if (!issue.message.startsWith('Invalid ')) {
        const text = plain(issue.message);
        return { message: `is not allowed: ${text}`, remedy: remedyOf(text, 'it') };
      }
      return pattern === undefined
        ? { message: `is not a valid ${issue.format}`, remedy: `write a valid ${issue.format}` }
        : { message: `does not match ${pattern}`, remedy: `write text that matches ${pattern}` };
    }
    case 'not_multiple_of':
      return {
        message: `is not a multiple of ${String(issue.divisor)}`,
        remedy: `write a multiple of ${String(issue.divisor)}`,
      };
    case 'invalid_type':
      return { message: `is not ${expectation(issue.expected)}`, remedy: `write ${expectation(issue.expected)}` };
    default: {
      const text = plain(issue.message);
      return { message: `is not allowed: ${text}`, remedy: remedyOf(text, 'it') };
    }
  }
}

function outOfBounds(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  tree: Tree | undefined,
): { readonly message: string; readonly remedy: string } {
  const least = issue.code === 'too_small';
  const bound = String(least ? issue.minimum : issue.maximum);
  if (issue.origin === 'string') {
    const length = tree?.type === 'scalar' ? String(tree.value).length : undefined;
    if (length === 0) return { message: 'is empty', remedy: 'give it a value' };
    return {
      message: `${length === undefined ? 'is' : `has ${String(length)} characters,`} ${least ? 'fewer' : 'more'} than ${bound}`,
      remedy: least ? `write at least ${bound} characters` : `shorten it to ${bound} characters`,
    };
  }
  if (issue.origin === 'array' || issue.origin === 'set' || issue.origin === 'object' || issue.origin === 'record') {
    return {
      message: `${least ? 'has fewer than' : 'has more than'} ${bound} members`,
      remedy: least ? `give at least ${bound}` : `leave at most ${bound}`,
    };
  }
  return {
    message: `is ${least ? 'less' : 'more'} than ${bound}`,
    remedy: `write ${least ? 'at least' : 'at most'} ${bound}`,
  };
}

function expectation(expected: string): string {
  switch (expected) {
    case 'string':
      return 'text';
    case 'number':
      return 'a number';
    case 'int':
      return 'a whole number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
    case 'record':
      return 'a map';
    case 'null':
      return 'null';
    default:
      return expected;
  }
}

/** A message may itself be the advice: "use letters only". */
function remedyOf(message: string, label: string): string {
  return /^(use|write|begin|give|put|remove|add|shorten|declare|set|end|quote)\b/.test(message)
    ? message
    : `mend ${label}`;
}

function withValue(label: string, message: string, tree: Tree | undefined): string {
  if (tree?.type !== 'scalar') return `${label}: ${message}`;
  const value = shown(label, tree);
  return message.includes(value) ? `${label}: ${message}` : `${label} ${value}: ${message}`;
}

/** zod's and the kinds' messages in the tone of all others. */
function plain(message: string): string {
  const line = message.replace(/\.$/, '');
  return /^[A-Z][a-z]/.test(line) ? line.charAt(0).toLowerCase() + line.slice(1) : line;
}

/** A value as messages show it; one that may be a secret is not shown. */
function shown(label: string, tree: Tree | undefined): string {
  if (tree === undefined) return 'nothing';
  if (tree.type !== 'scalar') return tree.type === 'list' ? '(a list)' : '(a map)';
  const text = String(tree.value);
  if (/password|secret|privatekey/i.test(label) || text.includes('PRIVATE KEY-----')) return '(not shown)';
  return typeof tree.value === 'string' ? quoted(tree.value) : (tree.raw ?? String(tree.value));
}

/** Text in quotes, cut where it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

import type { z } from 'zod';
import { nearest } from '../text.js';
import { lowerFirst, quoted, type Problem } from './problem.js';
import { mayBeSecret, type ScalarTree, type Tree } from './tree.js';

type Issue = z.core.$ZodIssue;

/** A message and its remedy. */
export type Finding = Pick<Problem, 'message' | 'remedy'>;

/** Returns the problem of a value with the wrong type. */
export function wrongType(expected: string, label: string, tree: Tree | undefined): Finding {
  if (tree?.type === 'scalar' && tree.value === null) {
    const message = `${label} is empty, expected ${expectation(expected)}`;
    return { message, remedy: 'give it a value, or remove it' };
  }
  const message = `${label} must be ${expectation(expected)}, found ${shown(label, tree)}`;
  const remedy = tree?.type === 'scalar' ? scalarRemedy(expected, label, tree) : undefined;
  return { message, remedy: remedy ?? `write ${expectation(expected)}` };
}

function scalarRemedy(expected: string, label: string, tree: ScalarTree): string | undefined {
  const text = typeof tree.value === 'string' ? tree.value : '';
  switch (expected) {
    case 'string':
      // A program has read the number already, and may have changed it.
      return tree.raw === null && tree.at.offset < 0
        ? 'put it in quotes'
        : `quote it: "${tree.raw ?? String(tree.value)}"`;
    case 'array':
      return `write a list: [${shown(label, tree)}]`;
    case 'number':
    case 'int':
      return /^-?\d+$/.test(text) ? `write it without quotes: ${text}` : undefined;
    case 'boolean':
      if (/^(yes|on|y|true|1)$/i.test(text)) return 'write true, without quotes';
      if (/^(no|off|n|false|0)$/i.test(text)) return 'write false, without quotes';
      return 'write true or false, without quotes';
    default:
      return undefined;
  }
}

/** Returns the rule that a value breaks, as the end of a sentence that begins with the value. */
export function constraint(issue: Issue, tree?: Tree): Finding {
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

/** Names of a bound: the comparison, and the instruction. */
const BOUNDS = {
  too_small: { compared: 'fewer', relation: 'less', count: 'at least', give: 'give at least' },
  too_big: { compared: 'more', relation: 'more', count: 'at most', give: 'leave at most' },
} as const;

function outOfBounds(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, tree: Tree | undefined): Finding {
  const { compared, relation, count, give } = BOUNDS[issue.code];
  const bound = String(issue.code === 'too_small' ? issue.minimum : issue.maximum);
  switch (issue.origin) {
    case 'string': {
      const length = tree?.type === 'scalar' ? String(tree.value).length : undefined;
      if (length === 0) return { message: 'is empty', remedy: 'give it a value' };
      const actual = length === undefined ? 'is' : `has ${String(length)} characters,`;
      return {
        message: `${actual} ${compared} than ${bound}`,
        remedy: issue.code === 'too_small' ? `write at least ${bound} characters` : `shorten it to ${bound} characters`,
      };
    }
    case 'array':
    case 'set':
    case 'object':
    case 'record':
      return { message: `has ${compared} than ${bound} members`, remedy: `${give} ${bound}` };
    default:
      return { message: `is ${relation} than ${bound}`, remedy: `write ${count} ${bound}` };
  }
}

/** Returns the name of a type in messages. */
export function expectation(expected: string): string {
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

/** Returns a remedy; a message can be the remedy itself: "use letters only". */
export function remedyOf(message: string, label: string): string {
  return /^(use|write|begin|give|put|remove|add|shorten|declare|set|end|quote)\b/.test(message)
    ? message
    : `fix ${label}`;
}

/** Returns a message with its label and the value. */
export function withValue(label: string, message: string, tree: Tree | undefined): string {
  if (tree?.type !== 'scalar') return `${label}: ${message}`;
  const value = shown(label, tree);
  return message.includes(value) ? `${label}: ${message}` : `${label} ${value}: ${message}`;
}

/** Returns a message of zod or a kind in the form of all messages. */
export function plain(message: string): string {
  return lowerFirst(message.replace(/\.$/, ''));
}

/** Returns a value as messages show it. A value that may be a secret is not shown. */
export function shown(label: string, tree: Tree | undefined): string {
  if (tree === undefined) return 'nothing';
  if (tree.type !== 'scalar') return tree.type === 'list' ? '(a list)' : '(a map)';
  const text = String(tree.value);
  if (mayBeSecret(label, text)) return '(not shown)';
  return typeof tree.value === 'string' ? quoted(tree.value) : (tree.raw ?? String(tree.value));
}

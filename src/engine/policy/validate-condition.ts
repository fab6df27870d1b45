import { z } from 'zod';
import type { Json, JsonObject } from '../../contract/entity.js';
import { isObject } from '../json.js';
import { nearest } from '../text.js';
import { asList, foldCase } from './canonical.js';
import { showValue } from './diff.js';
import { hasReference, quote, type Refuse } from './problem.js';

/** The form that the values of one family of operators have. */
interface ValueForm {
  readonly matches: (value: string) => boolean;
  readonly problem: string;
  readonly remedy: (value: string) => string;
}

const BOOLEAN: ValueForm = {
  matches: (value) => /^(?:true|false)$/i.test(value),
  problem: 'is neither true nor false',
  remedy: (value) => {
    if (/^(?:no|off|n|0)$/i.test(value)) return 'write "false"';
    return /^(?:yes|on|y|1)$/i.test(value) ? 'write "true"' : 'write "true" or "false"';
  },
};
const NUMBER: ValueForm = {
  matches: (value) => /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value),
  problem: 'is not a number',
  remedy: () => 'write digits, as in "3600"',
};
/** ISO 8601, or seconds since 1970. IAM also takes dates that lack parts: `2027`, `2027-01`, `2027-01-01T08`. */
const DATE_PATTERN = new RegExp(
  '^(?:\\d{1,18}|' +
    '-?\\d{1,9}(?:-(?:0?[1-9]|1[0-2])(?:-(?:0?[1-9]|[12]\\d|3[01]))?)?' +
    '(?:T(?:(?:[01]?\\d|2[0-3])(?::[0-5]?\\d(?::[0-5]?\\d(?:\\.\\d{1,9})?)?)?)?' +
    '(?:Z|[+-](?:[01]\\d|2[0-3])(?::?[0-5]\\d)?)?)?)$',
  'i',
);
const DATE: ValueForm = {
  matches: (value) => DATE_PATTERN.test(value),
  problem: 'is not a date',
  remedy: () => 'write it as in "2027-01-31T00:00:00Z", or in seconds since 1970',
};
const ADDRESSES = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);
const ADDRESS: ValueForm = {
  matches: (value) => ADDRESSES.safeParse(value).success,
  problem: 'is not an IP address or a range of them',
  remedy: () => 'write it as in "203.0.113.0/24" or "2001:db8::/32"',
};
const ARN: ValueForm = {
  matches: (value) => /^(?:arn:|[*?]|a[*?]|ar[*?]|arn[*?])/.test(value),
  problem: 'is not an ARN',
  remedy: () => 'write an ARN ("arn:…"), or use an operator for strings, such as StringLike',
};
const BASE64: ValueForm = {
  matches: (value) => value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value),
  problem: 'is not base64',
  remedy: () => 'write the bytes in base64',
};
const TEXT: ValueForm = { matches: () => true, problem: '', remedy: () => '' };

const ORDERS = ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'];
const PATTERNS = ['Equals', 'NotEquals', 'Like', 'NotLike'];

/** The forms of values by condition operator, of all operators that IAM has. */
const OPERATORS: ReadonlyMap<string, ValueForm> = new Map([
  ...[...PATTERNS, 'EqualsIgnoreCase', 'NotEqualsIgnoreCase'].map((name) => [`String${name}`, TEXT] as const),
  ...PATTERNS.map((name) => [`Arn${name}`, ARN] as const),
  ...ORDERS.map((name) => [`Numeric${name}`, NUMBER] as const),
  ...ORDERS.map((name) => [`Date${name}`, DATE] as const),
  ['IpAddress', ADDRESS],
  ['NotIpAddress', ADDRESS],
  ['Bool', BOOLEAN],
  ['Null', BOOLEAN],
  ['BinaryEquals', BASE64],
]);
const QUALIFIERS = ['ForAllValues', 'ForAnyValue'];
const EXAMPLE = 'write { "StringEquals": { "aws:PrincipalTag/team": "platform" } }';

/**
 * Checks the Condition of a statement: IAM has its operators, and their values have a form that can match. A value with a
 * policy variable or a reference passes every check of its form.
 */
export function checkCondition(condition: Json = {}, path: string, refuse: Refuse): void {
  if (!isObject(condition)) {
    refuse(path, `condition ${quote(condition)} is not an object`, EXAMPLE);
    return;
  }
  for (const [operator, block] of Object.entries(condition)) {
    const operatorPath = `${path}.${operator}`;
    const form = checkOperator(operator, operatorPath, refuse);
    if (!isObject(block)) {
      refuse(operatorPath, `condition ${quote(block)} is not an object`, EXAMPLE);
      continue;
    }
    checkKeys(block, operatorPath, refuse);
    for (const [key, values] of Object.entries(block)) checkValues(operator, key, values, form, operatorPath, refuse);
  }
}

/** Checks the name of an operator, and returns the form of its values. */
function checkOperator(operator: string, path: string, refuse: Refuse): ValueForm {
  const [, qualifier, name = '', suffix = ''] = /^(?:([^:]*):)?(.*?)(IfExists)?$/s.exec(operator) ?? [];
  const form = OPERATORS.get(name);
  const isQualified = qualifier === undefined || QUALIFIERS.includes(qualifier);
  if (form !== undefined && isQualified) {
    if (name === 'Null' && suffix !== '') {
      const remedy = 'write "Null": Null itself tests whether the key exists';
      refuse(path, `condition operator "${showValue(operator)}" is not one that IAM has`, remedy);
    }
    return form;
  }
  refuse(path, `unknown condition operator "${showValue(operator)}"`, correctionOf(name, qualifier, suffix));
  return form ?? TEXT;
}

/** Returns the operator that was meant; where none is close, all operators to choose from. */
function correctionOf(name: string, qualifier: string | undefined, suffix: string): string {
  const meant = OPERATORS.has(name) ? name : nearest(name, OPERATORS.keys());
  const prefix = qualifier === undefined ? '' : nearest(qualifier, QUALIFIERS);
  if (meant !== undefined && prefix !== undefined)
    return `write "${prefix}${prefix === '' ? '' : ':'}${meant}${suffix}"`;
  const names = [...OPERATORS.keys()].join(', ');
  return `use one of ${names}, with ForAllValues: or ForAnyValue: before it where the key has several values, or IfExists after it`;
}

/** Refuses condition keys that differ in case only: IAM compares them without case, and does not define which one counts. */
function checkKeys(block: JsonObject, path: string, refuse: Refuse): void {
  const spellings = new Map<string, string>();
  for (const key of Object.keys(block)) {
    const folded = foldCase(key);
    const other = spellings.get(folded);
    if (other !== undefined) {
      const message = `condition keys "${showValue(other)}" and "${showValue(key)}" differ in case only, and are one to IAM`;
      refuse(path, message, 'write the key once, with a list of values');
    }
    spellings.set(folded, key);
  }
}

function checkValues(operator: string, key: string, values: Json, form: ValueForm, path: string, refuse: Refuse): void {
  for (const value of asList(values)) {
    if (typeof value === 'object') {
      const message = `condition value ${quote(value)} of "${showValue(key)}" is not a string`;
      refuse(path, message, 'write a string or a list of them');
      continue;
    }
    const text = String(value);
    if (hasReference(text) || text.includes('${') || form.matches(text)) continue;
    const message = `condition value ${quote(value)} of "${showValue(key)}" ${form.problem}, as ${showValue(operator)} needs`;
    refuse(path, message, form.remedy(text));
  }
}

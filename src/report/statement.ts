import type { Json, JsonObject } from '../contract/entity.js';
import { asList, isObject, ownValue } from '../contract/json.js';

/** Fields of a statement that have a place of their own in its line. */
const PLACED = [
  'Sid',
  'Effect',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Principal',
  'NotPrincipal',
  'Condition',
];

/**
 * Formats a statement of a policy in one line, and leaves nothing out:
 * `Allow s3:GetObject, s3:PutObject on arn:aws:s3:::a/* if StringEquals aws:SourceAccount = 111111111111`.
 */
export function statementText(statement: Json): string {
  if (!isObject(statement)) return valueText(statement);
  const listed = (field: string, before: string): string[] => {
    const value = ownValue(statement, field);
    return value === undefined ? [] : [before + asList(value).map(valueText).join(', ')];
  };
  const sid = ownValue(statement, 'Sid');
  return [
    ...listed('Effect', ''),
    ...listed('Action', ''),
    ...listed('NotAction', 'everything but '),
    ...principalText(ownValue(statement, 'Principal'), 'to '),
    ...principalText(ownValue(statement, 'NotPrincipal'), 'to everyone but '),
    ...listed('Resource', 'on '),
    ...listed('NotResource', 'on everything but '),
    ...conditionText(ownValue(statement, 'Condition')),
    ...Object.entries(statement)
      .filter(([field]) => !PLACED.includes(field))
      .map(([field, value]) => `with ${field} = ${valueText(value)}`),
    ...(sid === undefined || sid === '' ? [] : [`(Sid ${valueText(sid)})`]),
  ].join(' ');
}

/** Types of principals whose values tell the type. */
const TELLING_TYPES = ['AWS', 'Service', 'Federated'];

function principalText(principal: Json | undefined, before: string): string[] {
  if (principal === undefined) return [];
  if (!isObject(principal)) return [before + asList(principal).map(principalName).join(', ')];
  const values = Object.entries(principal).flatMap(([type, members]) =>
    asList(members).map((member) =>
      TELLING_TYPES.includes(type) && member !== '*' ? valueText(member) : `${type} ${principalName(member)}`,
    ),
  );
  return [before + values.join(', ')];
}

function principalName(member: Json): string {
  return member === '*' ? '* (everyone)' : valueText(member);
}

function conditionText(condition: Json | undefined): string[] {
  if (condition === undefined) return [];
  if (!isObject(condition)) return [`if ${valueText(condition)}`];
  const tests = Object.entries(condition).flatMap(([operator, keys]) =>
    isObject(keys) ? testsOf(operator, keys) : [`${operator} ${valueText(keys)}`],
  );
  return tests.length === 0 ? [] : [`if ${tests.join(' and ')}`];
}

function testsOf(operator: string, keys: JsonObject): string[] {
  return Object.entries(keys).map(
    ([key, values]) => `${operator} ${valueText(key)} = ${asList(values).map(valueText).join(', ')}`,
  );
}

/** Formats a value. A text that could be read as more than one word of the line is quoted. */
function valueText(value: Json): string {
  return typeof value === 'string' && /^[^\s,"'()]+$/.test(value) ? value : JSON.stringify(value);
}

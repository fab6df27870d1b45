import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, isObject, strings } from '../json.js';
import { showValue } from './diff.js';

/** AWS's policies that allow almost everything, or allow their holder to grant everything to itself, with what they give. */
const ADMINISTRATOR_POLICIES: readonly (readonly [arn: RegExp, text: string])[] = [
  [/:iam::aws:policy\/(AdministratorAccess|IAMFullAccess)$/, 'gives administrator access'],
  [/:iam::aws:policy\/PowerUserAccess$/, 'allows every action but those of IAM, Organizations and the account'],
];

/** Returns what a policy of AWS gives to its holder. Undefined where the text does not end with the ARN of a wide one. */
export function administratorPolicyText(text: string): string | undefined {
  return ADMINISTRATOR_POLICIES.find(([arn]) => arn.test(text))?.[1];
}

/** Returns the actions of a statement, where they are all, all of IAM's, or all but some: `every action but "iam:*"`. */
export function widestActions({ NotAction: except, Action: actions }: JsonObject): string | undefined {
  if (except !== undefined) return `every action but ${listOf(except).map(quoted).join(', ')}`;
  const listed = listOf(actions);
  if (listed.some((action) => /^\*(:\*)?$/.test(action))) return 'every action';
  return listed.some((action) => /^iam:\*$/i.test(action)) ? 'every action of IAM' : undefined;
}

/** Returns what a policy document allows, one text for each statement of {@link widestActions}. */
export function widestAllowances(document: Json | undefined): readonly string[] {
  if (!isObject(document)) return [];
  const { Statement: statements = [] } = document;
  const found = (isList(statements) ? statements : [statements]).flatMap((statement) =>
    isObject(statement) && statement['Effect'] === 'Allow' ? (widestActions(statement) ?? []) : [],
  );
  return [...new Set(found)];
}

function listOf(value: Json | undefined): readonly string[] {
  return typeof value === 'string' ? [value] : strings(value);
}

function quoted(text: string): string {
  return JSON.stringify(showValue(text, 100));
}

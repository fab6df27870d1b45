import type { Json } from '../../contract/entity.js';
import { isList, isObject, strings } from '../json.js';

/** AWS's policies that allow everything, or allow their holder to grant everything to itself. */
const ADMINISTRATOR_POLICY = /:iam::aws:policy\/(AdministratorAccess|IAMFullAccess|PowerUserAccess)$/;

/** Reports whether a text ends with the ARN of a policy of AWS that gives the permissions of an administrator. */
export function isAdministratorPolicy(text: string): boolean {
  return ADMINISTRATOR_POLICY.test(text);
}

/** Reports whether a policy document allows all actions, all of IAM's, or all but some. */
export function allowsAllActions(document: Json | undefined): boolean {
  if (!isObject(document)) return false;
  const { Statement: statements = [] } = document;
  return (isList(statements) ? statements : [statements]).some((statement) => {
    if (!isObject(statement) || statement['Effect'] !== 'Allow') return false;
    const { Action: actions = [] } = statement;
    const listed = typeof actions === 'string' ? [actions] : strings(actions);
    return statement['NotAction'] !== undefined || listed.some((action) => /^(\*|\*:\*|iam:\*)$/i.test(action));
  });
}

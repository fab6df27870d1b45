import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, isObject, objectOrEmpty, ownValue, strings } from '../json.js';
import { administratorPolicyText, widestActions } from './administrator.js';
import { canonicalStatement, type PolicyDocument, statementsOf } from './canonical.js';
import { showValue } from './diff.js';
import { matchesPattern } from './grants.js';
import { trustWarnings } from './trust-warnings.js';

/** The account that an entity belongs to. */
export interface AccountContext {
  readonly account: string;
  readonly partition: string;
}

/**
 * Lists what widens access in the properties of an entity, as `PROPERTY: text`: every action, everyone as principal,
 * `iam:PassRole`, an administrator policy, another account, an OIDC provider without a condition on the subject. A
 * document is found by its form, so that no property has to be named.
 */
export function accessWarnings(spec: JsonObject, context: AccountContext): readonly string[] {
  const warnings = Object.entries(spec).flatMap(([property, value]): string[] => {
    if (isDocument(value)) return documentWarnings(property, value, context);
    if (isObject(value)) {
      return Object.entries(value).flatMap(([name, member]) =>
        isDocument(member) ? documentWarnings(`${property}.${name}`, member, context) : [],
      );
    }
    // A boundary limits, so that only a list of policies grants.
    return (isList(value) ? strings(value) : []).flatMap((arn) => {
      const text = administratorPolicyText(arn);
      return text === undefined ? [] : [`${property}: ${arn} ${text}`];
    });
  });
  return [...new Set(warnings)];
}

function isDocument(value: Json): value is PolicyDocument {
  return isObject(value) && Object.hasOwn(value, 'Statement');
}

function documentWarnings(path: string, document: PolicyDocument, context: AccountContext): string[] {
  return statementsOf(document)
    .flatMap((written) => {
      const statement = canonicalStatement(written, context);
      if (!isObject(statement) || ownValue(statement, 'Effect') !== 'Allow') return [];
      if (Object.hasOwn(statement, 'Resource') || Object.hasOwn(statement, 'NotResource')) {
        return actionWarnings(statement);
      }
      const known = trustWarnings({ Statement: [written] }).map(({ message }) => message);
      return [...known, ...principalWarnings(statement, known.length > 0, context)];
    })
    .map((text) => `${path}: ${text}`);
}

function actionWarnings(statement: JsonObject): string[] {
  const where = placeOf(statement);
  const widest = widestActions(statement);
  if (widest !== undefined) return [`allows ${widest} ${where}`];
  const actions = strings(ownValue(statement, 'Action'));
  const passing = actions.filter((action) => matchesPattern(action, 'iam:passrole'));
  return passing.length === 0 ? [] : [`allows iam:PassRole ${where}${via(passing)}`];
}

/** Names the pattern that allows an action, where it is not the action itself. */
function via(actions: readonly string[]): string {
  const [first = ''] = actions;
  return actions.includes('iam:passrole') ? '' : ` (by ${quoted(first)})`;
}

function placeOf(statement: JsonObject): string {
  const except = ownValue(statement, 'NotResource');
  const resources = strings(except ?? ownValue(statement, 'Resource'));
  const [first = '', ...more] = resources;
  const shown = showValue(first, 200) + (more.length === 0 ? '' : ` and ${String(more.length)} more`);
  const condition = ownValue(statement, 'Condition') === undefined ? '' : ', under conditions';
  return `on ${except === undefined ? '' : 'everything but '}${shown}${condition}`;
}

/** Warns of principals that are beyond the rules for {@link trustWarnings}, and that a reviewer has to know of. */
function principalWarnings(statement: JsonObject, isKnown: boolean, { account }: AccountContext): string[] {
  if (Object.hasOwn(statement, 'NotPrincipal')) return ['trusts everyone but the principals that it names'];
  const principal = objectOrEmpty(ownValue(statement, 'Principal'));
  const members = strings(ownValue(principal, 'AWS'));
  if (members.includes('*')) return isKnown ? [] : ['trusts everyone (principal *), limited only by its conditions'];
  const foreign = members.flatMap((member) => /^arn:[^:]+:(?:iam|sts)::(\d{12}):/.exec(member)?.[1] ?? []);
  const accounts = [...new Set(foreign)].filter((other) => other !== account);
  const providers = isKnown ? [] : strings(ownValue(principal, 'Federated'));
  return [
    ...accounts.map((other) => `trusts another account, ${other}`),
    ...providers.flatMap((provider) => subjectWarning(provider, statement)),
  ];
}

/** Warns of an OIDC provider of one's own whose tokens are all accepted. */
function subjectWarning(provider: string, statement: JsonObject): string[] {
  const issuer = /^arn:[^:]+:iam::\d{12}:oidc-provider\/(.+)$/.exec(provider)?.[1];
  if (issuer === undefined) return [];
  const isLimited = Object.entries(objectOrEmpty(ownValue(statement, 'Condition'))).some(
    ([operator, keys]) =>
      /^(ForAnyValue:)?String(Equals|EqualsIgnoreCase|Like)$/.test(operator) &&
      Object.keys(objectOrEmpty(keys)).some((key) => key.toLowerCase() === `${issuer.toLowerCase()}:sub`),
  );
  return isLimited ? [] : [`trusts every token of ${issuer}: it has no condition on ${issuer}:sub`];
}

function quoted(text: string): string {
  return JSON.stringify(showValue(text, 100));
}

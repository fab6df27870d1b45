import type { Json, JsonObject } from '../../contract/entity.js';
import { truncate } from '../../engine/text.js';
import { covers, foldCase, literalOf, overlap, patternOf, type Pattern } from '../patterns.js';
import { renderPatterns, type RuleContext } from '../violation.js';
import { allowingStatements, textsOf, UnreadableDocumentError } from './documents.js';

/** Refuses what a policy document of a role, a user, a group or a managed policy may not allow. */
export function checkDocument(context: RuleContext, subject: string, document: Json): void {
  const { grants } = context.rules;
  if (grants?.denyActions === undefined && !isWildcardDenied(context)) return;
  try {
    for (const statement of allowingStatements(document)) checkStatement(context, subject, statement);
  } catch (error) {
    if (!(error instanceof UnreadableDocumentError)) throw error;
    context.refuse(['grants'], `${subject} cannot be judged: ${error.message}`);
  }
}

function isWildcardDenied({ rules: { grants } }: RuleContext): boolean {
  return grants?.denyWildcardAction === true || grants?.denyWildcardAction === 'service';
}

/** Conditions and resources do not count: what is denied is denied on everything and under any condition. */
function checkStatement(context: RuleContext, subject: string, statement: JsonObject): void {
  const actions = textsOf(statement, 'Action');
  const except = textsOf(statement, 'NotAction');
  if ((actions === undefined) === (except === undefined)) {
    throw new UnreadableDocumentError('a statement has not exactly one of Action and NotAction');
  }
  checkWildcards(context, subject, actions, except);
  const { denyActions = [] } = context.rules.grants ?? {};
  for (const [index, denied] of denyActions.entries()) {
    const pattern = actionPattern(denied);
    const path = ['grants', 'denyActions', index];
    const granted = actions?.find((action) => doActionsMeet(actionPattern(action), pattern));
    if (granted !== undefined) {
      const by = foldCase(granted) === foldCase(denied) ? '' : `, which includes ${denied}`;
      context.refuse(path, `${subject} allows ${shown(granted)}${by}`);
    }
    if (except !== undefined && !except.some((action) => coversAction(action, pattern))) {
      context.refuse(
        path,
        `${subject} allows every action but ${except.map(shown).join(', ')}, which includes ${denied}`,
      );
    }
  }
}

function checkWildcards(
  context: RuleContext,
  subject: string,
  actions: readonly string[] = [],
  except: readonly string[] | undefined,
): void {
  if (!isWildcardDenied(context)) return;
  const path = ['grants', 'denyWildcardAction'];
  if (except !== undefined) context.refuse(path, `${subject} allows every action but ${except.map(shown).join(', ')}`);
  for (const action of actions) {
    const colon = action.indexOf(':');
    const [service, name] = colon === -1 ? [action, '*'] : [action.slice(0, colon), action.slice(colon + 1)];
    if (/[*?]/.test(service) || colon === -1) {
      context.refuse(path, `${subject} allows ${shown(action)}, which includes actions of every service`);
    } else if (context.rules.grants?.denyWildcardAction === 'service' && /^[*?]*$/.test(name)) {
      context.refuse(path, `${subject} allows ${shown(action)}, which is every action of a service`);
    }
  }
}

/** A pattern of actions. A wildcard of one part does not reach into the other: `*:Delete*` has nothing of `s3:Get*`. */
interface ActionPattern {
  readonly service: Pattern;
  readonly name: Pattern;
}

/** Actions have no case. One without a service is `*`, or is none to IAM and counts as if it were. */
function actionPattern(action: string): ActionPattern {
  const colon = action.indexOf(':');
  const [service, name] = colon === -1 ? ['*', '*'] : [action.slice(0, colon), action.slice(colon + 1)];
  return { service: patternOf(foldCase(service)), name: patternOf(foldCase(name)) };
}

function doActionsMeet(a: ActionPattern, b: ActionPattern): boolean {
  return overlap(a.service, b.service) && overlap(a.name, b.name);
}

/** Reports whether an action of `NotAction` names all actions of a pattern. One without a service names none. */
function coversAction(action: string, inner: ActionPattern): boolean {
  if (action !== '*' && !action.includes(':')) return false;
  const outer = actionPattern(action);
  return covers(outer.service, inner.service) && covers(outer.name, inner.name);
}

function shown(action: string): string {
  return truncate(action, 100);
}

/** A managed policy's ARN: its account, and its path and name. */
const POLICY_ARN = /^arn:[^:]*:iam::([^:]*):policy\/(.*)$/s;

/** A managed policy that would be attached. */
interface Attachment {
  readonly subject: string;
  readonly arn: string;
  /** The account of the policy; `aws` for AWS's own. Undefined where the ARN is none. */
  readonly account: string | undefined;
  readonly name: string;
  /** The texts by which a rule can name it. */
  readonly spellings: readonly Pattern[];
}

/** Refuses managed policies that may not be attached. `declared` are those whose documents the same request declares. */
export function checkAttachment(
  context: RuleContext,
  subject: string,
  arn: string,
  declared: ReadonlySet<string>,
): void {
  const [, account, pathAndName = arn] = POLICY_ARN.exec(arn) ?? [];
  const name = pathAndName.slice(pathAndName.lastIndexOf('/') + 1);
  const spellings = [...new Set([name, pathAndName, arn])].map((text) => literalOf(foldCase(text)));
  const attachment = { subject, arn, account, name, spellings };
  checkDenied(context, attachment);
  if (!declared.has(arn)) checkAllowed(context, attachment);
}

function checkDenied({ rules, scope, refuse }: RuleContext, { subject, arn, spellings }: Attachment): void {
  for (const [index, text] of (rules.grants?.denyManagedPolicies ?? []).entries()) {
    const { patterns, isComplete } = renderPatterns([text], scope, foldCase);
    const isDenied = spellings.some((spelling) => patterns.some((pattern) => overlap(pattern, spelling)));
    if (isDenied || !isComplete) refuse(['grants', 'denyManagedPolicies', index], `${subject} attaches ${shown(arn)}`);
  }
}

function checkAllowed(context: RuleContext, { subject, arn, account, name, spellings }: Attachment): void {
  const { allowManagedPolicies, denyActions } = context.rules.grants ?? {};
  if (allowManagedPolicies !== undefined) {
    const { patterns } = renderPatterns(allowManagedPolicies, context.scope, foldCase);
    if (spellings.some((spelling) => patterns.some((pattern) => covers(pattern, spelling)))) return;
    context.refuse(['grants', 'allowManagedPolicies'], `${subject} attaches ${shown(arn)}, which is not listed`);
    return;
  }
  // The documents of AWS's own policies are not read either: their names are denied, or the allowed ones are listed.
  if (account === 'aws' || (denyActions === undefined && !isWildcardDenied(context))) return;
  const message = `${subject} attaches ${shown(arn)}, whose document the manifest does not declare, so that it cannot be judged: declare it and write {{arn Policy/${shown(name)}}}, or list it in allowManagedPolicies`;
  context.refuse(['grants', denyActions === undefined ? 'denyWildcardAction' : 'denyActions'], message);
}

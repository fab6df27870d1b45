import type { Json, JsonObject, Target } from '../../contract/entity.js';
import type { SpecProblem } from '../../engine/manifest/manifest-kind.js';
import { isList, isObject, ownValue } from '../../engine/json.js';
import { allowsSomething, partitionFlaw } from '../../engine/policy/index.js';

/** A principal of a trust policy, with its place in the document. */
interface Found {
  readonly path: readonly (string | number)[];
  readonly text: string;
}

/**
 * Finds principals that IAM refuses in this role and account: those of another partition, and the role itself by its
 * written ARN, which IAM does not know before the role exists. A reference to the role is followed by a second write.
 */
export function trustProblems(
  document: Json | undefined,
  { id, ownArn, target }: { readonly id: string; readonly ownArn: string; readonly target: Target },
): readonly SpecProblem[] {
  return principalsOf(document).flatMap(({ path, text }): SpecProblem[] => {
    if (text.toLowerCase() === ownArn.toLowerCase()) {
      const message = 'is the role itself, which IAM does not know before it is created';
      const remedy = `write {{arn ${id}}}: the role is created first, and then made to trust itself`;
      return [{ path, message, remedy }];
    }
    const flaw = partitionFlaw(text, target.partition);
    return flaw === undefined ? [] : [{ path, message: flaw.problem, remedy: flaw.remedy }];
  });
}

/** Returns the ARNs of a trust policy's principals. */
function principalsOf(document: Json | undefined): readonly Found[] {
  const written = isObject(document) ? ownValue(document, 'Statement') : undefined;
  const inPlaces = (value: Json | undefined): [(string | number)[], Json | undefined][] =>
    isList(value) ? value.map((member, index) => [[index], member]) : [[[], value]];
  return inPlaces(written).flatMap(([position, statement]) =>
    ['Principal', 'NotPrincipal'].flatMap((field) => {
      const principal = isObject(statement) ? ownValue(statement, field) : undefined;
      if (!isObject(principal)) return [];
      return ['AWS', 'Federated'].flatMap((type) =>
        inPlaces(ownValue(principal, type)).flatMap(([index, text]) =>
          typeof text === 'string' ? [{ path: ['Statement', ...position, field, type, ...index], text }] : [],
        ),
      );
    }),
  );
}

/** A trust policy that lets nobody assume the role, since IAM takes no document without a statement. */
export const TRUST_NOBODY: JsonObject = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
};

/**
 * Returns the trust policy that a role is created with: the declared one without the role itself, which IAM does not know
 * yet. It never permits more: where a statement excludes or denies the role itself, nobody is let in until the whole
 * policy follows.
 */
export function trustAtCreate(document: Json, ownArn: string): Json {
  if (!isObject(document) || !principalsOf(document).some(({ text }) => isOwn(text, ownArn))) return document;
  const statement = ownValue(document, 'Statement');
  const left: Json[] = [];
  for (const one of isList(statement) ? statement : [statement ?? null]) {
    const reduced = statementWithout(one, ownArn);
    if (reduced === 'unsafe') return TRUST_NOBODY;
    if (reduced !== undefined) left.push(reduced);
  }
  const rest = { ...document, Statement: left };
  return allowsSomething(rest) ? rest : TRUST_NOBODY;
}

/** Returns a statement without the role itself; undefined where nobody else is in it, `unsafe` where that would permit more. */
function statementWithout(statement: Json, ownArn: string): Json | undefined {
  if (!isObject(statement) || principalsOf({ Statement: statement }).every(({ text }) => !isOwn(text, ownArn))) {
    return statement;
  }
  const principal = ownValue(statement, 'Principal');
  if (ownValue(statement, 'Effect') !== 'Allow' || !isObject(principal)) return 'unsafe';
  const own = ownValue(principal, 'AWS') ?? [];
  const others = (isList(own) ? own : [own]).filter((text) => typeof text !== 'string' || !isOwn(text, ownArn));
  const entries = Object.entries(principal).filter(([type]) => type !== 'AWS');
  if (others.length > 0) entries.push(['AWS', others]);
  return entries.length === 0 ? undefined : { ...statement, Principal: Object.fromEntries(entries) };
}

/** Reports whether a principal is a role, or a session of it. */
function isOwn(text: string, roleArn: string): boolean {
  if (text === roleArn) return true;
  const [, partition = '', , , account = '', resource = ''] = roleArn.split(':');
  const session = `arn:${partition}:sts::${account}:assumed-role/${resource.slice(resource.lastIndexOf('/') + 1)}/`;
  return text.startsWith(session);
}

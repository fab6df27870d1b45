import type { TokenIssuer } from '../contract/identity.js';
import { problemAt, type Tree, follow } from '../engine/manifest/tree.js';
import type { Problem } from '../engine/manifest/problem.js';
import { namesOwner, sharedIssuer, type SharedIssuer } from '../engine/policy/index.js';
import { suggestion } from '../engine/text.js';
import { isOfPrincipals, type Matcher, type Requesters } from './identity-schema.js';
import { issuersOf } from './issuers.js';
import type { GuardrailRules, RuleSet } from './schema.js';

type Path = readonly PropertyKey[];

/** Takes a problem of a path in the file. */
type Report = (path: Path, message: string, remedy: string) => void;

/** Returns what is wrong with the identities of a file: names that it does not define, and patterns that match strangers. */
export function identityProblems(rules: GuardrailRules, tree: Tree): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (path, message, remedy) => {
    problems.push(problemAt(follow(tree, path).at, path, message, remedy));
  };
  const issuers = issuersOf(rules);
  const { groups = {} } = rules.identity ?? {};
  checkIssuers(rules, issuers, report);
  for (const [name, matchers] of Object.entries(groups)) {
    for (const [index, matcher] of matchers.entries()) {
      checkMatcher(matcher, issuers, ['identity', 'groups', name, index], report);
    }
  }
  for (const [path, { apply }] of setsOf(rules)) {
    const lists = { only: apply?.only ?? [], by: apply?.approval?.by ?? [] };
    const check = (who: readonly Requesters[], at: Path): void => {
      for (const [index, one] of who.entries()) {
        if (typeof one === 'string') checkGroup(one, Object.keys(groups), [...at, index], report);
        else if (!isOfPrincipals(one)) checkMatcher(one, issuers, [...at, index], report);
      }
    };
    check(lists.only, [...path, 'apply', 'only']);
    check(lists.by, [...path, 'apply', 'approval', 'by']);
  }
  return problems;
}

function checkIssuers(rules: GuardrailRules, issuers: readonly TokenIssuer[], report: Report): void {
  for (const name of Object.keys(rules.identity?.issuers ?? {})) {
    const path = ['identity', 'issuers', name];
    const url = issuers.find((one) => one.name === name)?.issuer;
    if (url === undefined) report(path, 'the issuer has no URL', 'give its issuer, as in https://gitlab.example.com');
    else if (issuers.some((other) => other.name !== name && other.issuer === url)) {
      report(path, `another issuer has the URL ${url}`, 'keep one of them');
    }
  }
}

function checkGroup(name: string, known: readonly string[], path: Path, report: Report): void {
  if (known.includes(name)) return;
  report(path, `there is no group ${JSON.stringify(name)}`, suggestion(name, known, 'add it to identity.groups'));
}

function checkMatcher(matcher: Matcher, issuers: readonly TokenIssuer[], path: Path, report: Report): void {
  const issuer = issuers.find(({ name }) => name === matcher.issuer);
  if (issuer === undefined) {
    const known = issuers.map(({ name }) => name);
    const remedy = suggestion(matcher.issuer, known, 'add it to identity.issuers');
    report([...path, 'issuer'], `there is no issuer ${JSON.stringify(matcher.issuer)}`, remedy);
    return;
  }
  const shared = sharedIssuer(issuer.issuer);
  if (shared === undefined || namesCustomer(matcher, shared)) return;
  const { everyone = 'every customer of', owners = [], paths = [] } = shared;
  const whole = `give ${[...owners, 'sub'].join(' or ')} in full`;
  const remedy = paths.length === 0 ? whole : `${whole}, or ${paths.join(' or ')} up to a / before its first wildcard`;
  report(path, `it matches tokens of ${everyone} ${issuer.issuer}`, remedy);
}

/** Reports whether a pattern matches tokens of one customer of a service, and of no other. */
function namesCustomer(matcher: Matcher, { owners = [], paths = [] }: SharedIssuer): boolean {
  const isNamed = (claim: string, isEnough: (pattern: string) => boolean): boolean => {
    const pattern = matcher[claim];
    return pattern !== undefined && (literalPart(pattern) === pattern || isEnough(pattern));
  };
  return (
    owners.some((claim) => isNamed(claim, () => false)) ||
    paths.some((claim) => isNamed(claim, (pattern) => literalPart(pattern).includes('/'))) ||
    isNamed('sub', (pattern) => !pattern.includes('{{') && namesOwner(pattern))
  );
}

function setsOf(rules: GuardrailRules): readonly (readonly [Path, RuleSet])[] {
  return [[[], rules], ...Object.entries(rules.accounts).map(([id, own]) => [['accounts', id], own] as const)];
}

/** Returns the text of a pattern before its first wildcard or template. */
function literalPart(pattern: string): string {
  return /^(?:(?!\{\{)[^*?])*/.exec(pattern)?.[0] ?? '';
}

import { pathText } from '../engine/manifest/problem.js';
import type { Guardrails } from './parse.js';
import type { RuleSet } from './schema.js';
import { render, renderPattern, type Scope } from './template.js';
import { covers, literalOf, type Pattern } from './patterns.js';

/** Something that the guardrails do not allow. */
export interface Violation {
  /** The rule, as a path in the file: `grants.denyActions[0]`. */
  readonly rule: string;
  /** The position of the rule: `guardrails.yaml:12:5`. */
  readonly place: string;
  /** Says what is refused, in lower case and without a full stop. */
  readonly message: string;
}

/** Violations that one message names. */
const MAX_VIOLATIONS = 5;

/** Records a violation of the rule at a path. */
export type Refuse = (path: readonly PropertyKey[], message: string) => void;

/** Rules that apply together, with what their messages need. */
export interface RuleContext {
  readonly rules: RuleSet;
  readonly scope: Scope;
  /** Takes a path in {@link rules}. */
  readonly refuse: Refuse;
}

/** Returns the violation as one sentence. */
export function violationText({ rule, place, message }: Violation): string {
  return `${message} (guardrails: ${rule} at ${place})`;
}

/** Returns the first violations as one line, with the number of the others. */
export function violationsText(violations: readonly Violation[]): string {
  const shown = violations.slice(0, MAX_VIOLATIONS).map(violationText);
  const more = violations.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`and ${String(more)} more`])].join('; ');
}

/** Collects the violations of guardrails. */
export class Violations {
  readonly found: Violation[] = [];
  readonly #guardrails: Guardrails;

  constructor(guardrails: Guardrails) {
    this.#guardrails = guardrails;
  }

  /** Returns a function that records violations of rules below a path. */
  below(prefix: readonly PropertyKey[]): Refuse {
    return (path, message) => {
      const full = [...prefix, ...path];
      const violation = { rule: pathText(full), place: this.#guardrails.placeOf(full), message };
      const isKnown = this.found.some(({ rule, message: other }) => rule === violation.rule && other === message);
      if (!isKnown) this.found.push(violation);
    };
  }
}

/** Returns the rules that apply to an account: those of the file, and those of the account. Undefined if it has none. */
export function accountKeyOf({ rules }: Guardrails, account: string): string | undefined {
  return [account, '*'].find((key) => Object.hasOwn(rules.accounts, key));
}

/** Returns the contexts of all rules that apply to a request. */
export function contextsOf(guardrails: Guardrails, scope: Scope, violations: Violations): readonly RuleContext[] {
  const { rules } = guardrails;
  const key = accountKeyOf(guardrails, scope.target.account);
  const own = key === undefined ? undefined : rules.accounts[key];
  const general = { rules, scope, refuse: violations.below([]) };
  if (key === undefined || own === undefined) return [general];
  return [general, { rules: own, scope, refuse: violations.below(['accounts', key]) }];
}

/** The patterns of a rule, and those of them that could not be rendered. */
interface RenderedPatterns {
  readonly patterns: readonly Pattern[];
  readonly isComplete: boolean;
}

/** Renders the patterns of a rule. `fold` brings texts to the case in which they are compared. */
export function renderPatterns(
  texts: readonly string[],
  scope: Scope,
  fold: (text: string) => string = (text) => text,
): RenderedPatterns {
  const rendered = texts.map((text) => renderPattern(text, scope, fold));
  const patterns = rendered.filter((pattern) => pattern !== undefined);
  return { patterns, isComplete: patterns.length === texts.length };
}

/** Reports whether one of the patterns of a rule matches a text. A pattern that cannot be rendered matches none. */
export function isListed(texts: readonly string[], text: string, scope: Scope): boolean {
  return renderPatterns(texts, scope).patterns.some((pattern) => covers(pattern, literalOf(text)));
}

/** Returns the patterns of a rule for people, with their values where they are known. */
export function listOf(texts: readonly string[], scope: Scope): string {
  return texts.map((text) => render(text, scope) ?? text).join(', ');
}

import type { Target } from '../contract/entity.js';
import { literalOf, patternOf, type Pattern } from './patterns.js';

/** The request that guardrails are evaluated for. Every value comes from a client. */
export interface Scope {
  readonly target: Target;
  readonly namespace: string;
  /** Undefined where it is not known, as for a run that an earlier version started. */
  readonly environment: string | undefined;
}

/** The names that templates of guardrails know. */
const TEMPLATE_NAMES = ['account', 'partition', 'namespace', 'environment'] as const;
type TemplateName = (typeof TEMPLATE_NAMES)[number];

const TEMPLATE = /\{\{\s*([\w-]*)\s*\}\}/g;

/** Returns the problem of a text with templates; undefined where there is none. */
export function templateProblem(text: string): string | undefined {
  for (const [template, name = ''] of text.matchAll(TEMPLATE)) {
    if (!isTemplateName(name)) return `${template} is unknown: write ${TEMPLATE_NAMES.map(braced).join(', ')}`;
  }
  const rest = text.replace(TEMPLATE, '');
  return /\{\{|\}\}/.test(rest) ? 'a template is not closed: write it as in {{namespace}}' : undefined;
}

/** Returns the templates in a text. */
export function templatesIn(text: string): readonly string[] {
  return [...text.matchAll(TEMPLATE)].map(([, name = '']) => name);
}

/** Renders a text. Undefined where a value is not known. */
export function render(text: string, scope: Scope): string | undefined {
  const parts = partsOf(text, scope);
  return parts?.map((part) => part.text).join('');
}

/**
 * Returns the pattern of a text. Wildcards in a value stand for themselves: a client that names its namespace `*` gets
 * nothing by it. Undefined where a value is not known.
 */
export function renderPattern(text: string, scope: Scope, fold: (text: string) => string): Pattern | undefined {
  const parts = partsOf(text, scope);
  return parts?.flatMap((part) => (part.isValue ? literalOf(fold(part.text)) : patternOf(fold(part.text))));
}

interface Part {
  readonly text: string;
  readonly isValue: boolean;
}

function partsOf(text: string, scope: Scope): readonly Part[] | undefined {
  const values: Readonly<Record<TemplateName, string | undefined>> = {
    account: scope.target.account,
    partition: scope.target.partition,
    namespace: scope.namespace,
    environment: scope.environment,
  };
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(TEMPLATE)) {
    const [template, name = ''] = match;
    const value = isTemplateName(name) ? values[name] : undefined;
    if (value === undefined) return undefined;
    parts.push({ text: text.slice(at, match.index), isValue: false }, { text: value, isValue: true });
    at = match.index + template.length;
  }
  return [...parts, { text: text.slice(at), isValue: false }];
}

function isTemplateName(name: string): name is TemplateName {
  return TEMPLATE_NAMES.some((known) => known === name);
}

function braced(name: string): string {
  return `{{${name}}}`;
}

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
  const parts = partsOf(text, valuesOf(scope));
  return parts?.map((part) => part.text).join('');
}

/**
 * Returns the pattern of a text. Wildcards in a value stand for themselves: a client that names its namespace `*` gets
 * nothing by it. Undefined where a value is not known.
 */
export function renderPattern(text: string, scope: Scope, fold: (text: string) => string): Pattern | undefined {
  const parts = partsOf(text, valuesOf(scope));
  return parts?.flatMap((part) => (part.isValue ? literalOf(fold(part.text)) : patternOf(fold(part.text))));
}

/** Values of a request, as far as they are known. */
export type KnownValues = Readonly<Partial<Record<TemplateName, string | undefined>>>;

/** Fills the templates of a text whose values are known, for people. */
export function fillTemplates(text: string, values: KnownValues): string {
  return text.replace(TEMPLATE, (template, name: string) => (isTemplateName(name) ? values[name] : null) ?? template);
}

/** Returns the pattern of a text. A value that is not known stands for anything. */
export function patternOfKnown(text: string, values: KnownValues): Pattern {
  const known: KnownValues = Object.fromEntries(TEMPLATE_NAMES.map((name) => [name, values[name] ?? '']));
  return (partsOf(text, known) ?? []).flatMap(({ text: part, isValue }) =>
    isValue && part === '' ? patternOf('*') : isValue ? literalOf(part) : patternOf(part),
  );
}

interface Part {
  readonly text: string;
  readonly isValue: boolean;
}

function valuesOf({ target: { account, partition }, namespace, environment }: Scope): KnownValues {
  return { account, partition, namespace, environment };
}

function partsOf(text: string, values: KnownValues): readonly Part[] | undefined {
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

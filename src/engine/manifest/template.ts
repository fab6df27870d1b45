import { ARN_REFERENCE as MARKER } from '../../contract/entity.js';
import { suggestion } from '../text.js';

/** Built-in names of templates, beside the manifest's variables. */
export const TEMPLATE_NAMES = ['environment', 'account', 'partition', 'namespace'] as const;

/** The template of an account's name. */
export const ACCOUNT_NAME = 'account.name';

/** The prefix of the templates of an account's tags: the key of the tag follows. */
export const ACCOUNT_TAGS = 'account.tags.';

/** A problem of a template. */
export interface TemplateProblem {
  readonly message: string;
  readonly remedy: string;
}

/** A rendered text. If there are problems, the text still contains the templates that could not be rendered. */
export interface Rendered {
  readonly text: string;
  /** Names whose values were inserted. */
  readonly used: readonly string[];
  readonly problems: readonly TemplateProblem[];
}

const NAME = /^[A-Za-z_][\w-]*$/;
/** Text in either sort of quotes: `{{'{{'}}` stands for `{{`, `{{'{'}}` for one brace, `{{'$'}}` for a dollar before a template. */
const LITERAL = /\{\{\s*(['"])(\{{1,2}|\}{1,2}|\$)\1\s*\}\}/y;
/** The way to write braces that are no template, for remedies. */
const LITERAL_REMEDY = "write {{'{{'}} where the text {{ is meant";
const REFERENCE = /^arn\s+([A-Za-z][A-Za-z0-9]*)\/(.+)$/s;

/** Reports whether text is a valid name of a variable. */
export function isVariableName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Renders `{{name}}` and `{{arn Kind/name}}` in a text, and `{{'{{'}}` as the braces themselves. Values are inserted
 * unchanged and never read as templates: text in which a template would appear after insertion is refused. `${…}` belongs
 * to IAM and stays.
 */
export function renderTemplate(text: string, values: ReadonlyMap<string, string>): Rendered {
  if (!text.includes('{{')) return { text, used: [], problems: [] };
  const used: string[] = [];
  const problems: TemplateProblem[] = [];
  const markers = new Set<number>();
  const literals = new Set<number>();
  let out = '';
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    if (open === -1) {
      out += text.slice(at);
      break;
    }
    out += text.slice(at, open);
    const literal = literalAt(text, open);
    if (literal !== undefined) {
      if (literal.text !== '$') literals.add(out.length);
      out += literal.text;
      at = literal.end;
      continue;
    }
    const close = closingOf(text, open);
    if (close === -1) {
      problems.push({
        message: `template ${brief(text.slice(open))} is not closed`,
        remedy: `close it with }}, or ${LITERAL_REMEDY}`,
      });
      out += text.slice(open);
      break;
    }
    const source = text.slice(open, close);
    at = close;
    if (text[open - 1] === '$') {
      problems.push({
        message: `$${brief(source)} is another tool's expression`,
        remedy: `write {{name}} for a template of this manifest, \${name} for an IAM policy variable, or \${{'{{'}} for the text \${{`,
      });
      out += source;
      continue;
    }
    const rendered = renderExpression(source, values);
    used.push(...rendered.used);
    problems.push(...rendered.problems);
    if (rendered.reference && rendered.problems.length === 0) markers.add(out.length);
    out += rendered.text;
  }
  if (problems.length === 0) problems.push(...misreadings(text, out, markers, literals));
  return { text: out, used, problems };
}

/** Returns the text that a literal at this place stands for, and its end; undefined if there is none. */
function literalAt(source: string, open: number): { readonly text: string; readonly end: number } | undefined {
  LITERAL.lastIndex = open;
  const text = LITERAL.exec(source)?.[2];
  return text === undefined ? undefined : { text, end: LITERAL.lastIndex };
}

/** Returns the end of the template that opens here, with its nested ones; -1 if it is not closed. */
function closingOf(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length - 1;) {
    if (text.startsWith('{{', at)) {
      depth++;
      at += 2;
    } else if (text.startsWith('}}', at)) {
      depth--;
      at += 2;
      if (depth === 0) return at;
    } else at++;
  }
  return -1;
}

function renderExpression(
  source: string,
  values: ReadonlyMap<string, string>,
): Rendered & { readonly reference: boolean } {
  const expression = source.slice(2, -2).trim();
  const fail = (message: string, remedy: string): Rendered & { reference: boolean } => ({
    text: source,
    used: [],
    problems: [{ message, remedy }],
    reference: false,
  });
  if (expression === '') {
    return fail(
      'template {{}} names nothing',
      `write one of ${namesText(values)}, or arn Kind/name, between the braces`,
    );
  }
  if (/^arn(\s|$)/.test(expression)) {
    const match = REFERENCE.exec(expression);
    const kind = match?.[1];
    const name = match?.[2];
    if (kind === undefined || name === undefined) {
      return fail(`template ${brief(source)} names no entity`, 'write {{arn Kind/name}}, as in {{arn Role/deploy}}');
    }
    // Nested references would need an unlimited number of levels.
    const rendered = /\{\{\s*arn\b/.test(name) ? null : renderTemplate(name.trim(), values);
    if (rendered === null) return fail(`template ${brief(source)} holds another reference`, 'write the name instead');
    if (rendered.problems.length > 0) return { ...rendered, text: source, reference: false };
    if (/[{}\n]/.test(rendered.text)) {
      return fail(
        `template ${brief(source)} names no entity`,
        'write {{arn Kind/name}} with only {{name}} templates inside of the name',
      );
    }
    return { text: `{{arn ${kind}/${rendered.text}}}`, used: rendered.used, problems: [], reference: true };
  }
  const value = values.get(expression);
  const unsafe = value === undefined ? undefined : unsafeValue(source, expression, value, values);
  if (unsafe !== undefined) return fail(unsafe.message, unsafe.remedy);
  if (value !== undefined) return { text: value, used: [expression], problems: [], reference: false };
  const { message, remedy } = unknownName(source, expression, values);
  return fail(message, remedy);
}

/** Characters that would change what a document means: wildcards, variables and separators of IAM, quotes, and braces. */
const UNSAFE = /[*?${}"'`\\:/\p{Cc}\p{Zl}\p{Zp}]/u;

/**
 * Returns the problem of a name or tag of an account that would do more in a document than name something. The right to
 * write it in AWS Organizations is not one to write policies.
 */
function unsafeValue(
  source: string,
  expression: string,
  value: string,
  values: ReadonlyMap<string, string>,
): TemplateProblem | undefined {
  const isName = expression === ACCOUNT_NAME;
  if (!isName && !expression.startsWith(ACCOUNT_TAGS)) return undefined;
  const found = UNSAFE.exec(value)?.[0];
  if (found === undefined) return undefined;
  const what = isName ? 'name' : `tag ${JSON.stringify(expression.slice(ACCOUNT_TAGS.length))}`;
  return {
    message: `template ${brief(source)} cannot be used: in account ${values.get('account') ?? ''} the ${what} is ${JSON.stringify(value.slice(0, 100))}, with ${JSON.stringify(found)}, which can change what a document means`,
    remedy: `${isName ? 'rename the account' : 'change the tag'}, or use a variable and set it under accountVariables`,
  };
}

/** Returns the problem of a template whose name has no value. */
function unknownName(source: string, expression: string, values: ReadonlyMap<string, string>): TemplateProblem {
  if (expression === ACCOUNT_NAME || expression.startsWith(ACCOUNT_TAGS)) {
    const what =
      expression === ACCOUNT_NAME ? 'no name' : `no tag ${JSON.stringify(expression.slice(ACCOUNT_TAGS.length))}`;
    return {
      message: `template ${brief(source)} has no value: account ${values.get('account') ?? ''} has ${what} that is known`,
      remedy:
        'only accounts of a fleet have names and tags; tag the account, or use a variable and set it under accountVariables',
    };
  }
  const remedy = NAME.test(expression)
    ? suggestion(expression, [...values.keys()], 'declare it under variables')
    : `write one of ${namesText(values)}, or arn Kind/name, between the braces`;
  return { message: `template ${brief(source)} names nothing that is known`, remedy };
}

/** Reports braces in a rendered text that neither a reference nor a literal has made, and literals that make a reference. */
function misreadings(
  text: string,
  out: string,
  markers: ReadonlySet<number>,
  literals: ReadonlySet<number>,
): TemplateProblem[] {
  // A literal may stand beside a brace of the text: {{{ has two pairs of them.
  const isWritten = (at: number): boolean =>
    markers.has(at) || [at - 1, at, at + 1].some((place) => literals.has(place));
  for (let at = out.indexOf('{{'); at !== -1; at = out.indexOf('{{', at + 1)) {
    if (isWritten(at)) continue;
    const message = `${brief(text)} would read as a template once its values are inserted`;
    return [{ message, remedy: 'take the braces out of the values and from around the template' }];
  }
  const made = [...out.matchAll(MARKER)].find(({ index }) => !markers.has(index))?.[0];
  if (made === undefined) return [];
  return [
    { message: `${brief(made)} cannot be written as text: it would read as a reference`, remedy: 'change the text' },
  ];
}

function namesText(values: ReadonlyMap<string, string>): string {
  const names = [...values.keys()];
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, …` : names.join(', ');
}

function brief(text: string): string {
  const line = text.slice(0, 61).replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}

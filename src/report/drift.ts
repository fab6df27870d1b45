import type { Json } from '../contract/entity.js';
import { isList, isObject, ownValue } from '../contract/json.js';
import type { Drift } from '../contract/report.js';
import { statementText } from './statement.js';

/** The character before a line: it comes, goes, changes, or needs attention. */
export type LineSign = '+' | '-' | '~' | '!' | '';

/** A line below an entity. */
export interface ChangeLine {
  readonly sign: LineSign;
  readonly text: string;
  /** The two lines that a `~` stands for, where each needs a line of its own. */
  readonly pair?: readonly [before: string, after: string];
}

/** Lines that belong under one path. Without a path they stand for themselves. */
export interface Change {
  readonly path: string | null;
  readonly lines: readonly ChangeLine[];
}

/** The names for people of properties that hold policies. Others are called as in the manifest. */
const LABELS: ReadonlyMap<string, string> = new Map([
  ['assumeRolePolicyDocument', 'trust policy'],
  ['permissionsBoundary', 'permissions boundary'],
  ['managedPolicyArns', 'attached policies'],
  ['policyDocument', 'permissions'],
]);

/** Characters of two values that stand in one line. */
const MAX_LINE_LENGTH = 60;

/** The parts of a path below a document. */
const IN_DOCUMENT = /\.(Version|Id|Principal|Document|Statement\[(?:Sid=[^\]]*|\d+)\])(?:\.(.*))?$/s;

/** Returns a path for people: `trust policy › Statement[0] › Principal.AWS`. */
export function labelOf(path: string): string {
  const inDocument = IN_DOCUMENT.exec(path);
  const [, field, rest] = inDocument ?? [];
  const property = inDocument === null ? path : path.slice(0, inDocument.index);
  return [propertyLabel(property), field, rest].filter((part) => part !== undefined).join(' › ');
}

function propertyLabel(property: string): string {
  if (property.startsWith('inlinePolicies.')) return `inline policy ${property.slice('inlinePolicies.'.length)}`;
  return LABELS.get(property) ?? property;
}

/** Returns the path of the statement that a path is inside of, and the path of its document. */
export function statementIn(
  path: string,
): { readonly document: string; readonly statement: string; readonly sid: string | undefined } | undefined {
  const match = IN_DOCUMENT.exec(path);
  const [, field = '', rest] = match ?? [];
  if (match === null || rest === undefined || !field.startsWith('Statement[')) return undefined;
  const document = path.slice(0, match.index);
  return { document, statement: `${document}.${field}`, sid: /^Statement\[Sid=(.*)\]$/.exec(field)?.[1] };
}

/** Returns the text of a line `PROPERTY: text` with the property's label, and of inline policies by name. */
export function labelled(line: string): string {
  const { path, text } = splitLine(line);
  if (path === '') return text;
  if (path === 'inlinePolicies') return `inline policy ${text}`;
  if (path === 'managedPolicyArns') return `attached policy ${text}`;
  if (path === 'tags') return `tag ${text}`;
  return `${labelOf(path)}: ${text}`;
}

/** Splits a line `PATH: text`. */
export function splitLine(line: string): { readonly path: string; readonly text: string } {
  const separator = line.indexOf(': ');
  return separator < 0 ? { path: '', text: line } : { path: line.slice(0, separator), text: line.slice(separator + 2) };
}

/** Formats a drift in one line: `~ maxSessionDuration = 3600 -> 7200`, `trust policy › Statement[0] › Principal: - *, + arn:…`. */
export function driftText(drift: Drift): string {
  const { path, lines } = changeOf(drift);
  const texts = lines.map(({ sign, text }) => (sign === '' ? text : `${sign} ${text}`));
  return path === null ? texts.join(', ') : `${path}: ${texts.join(', ')}`;
}

/** Returns the lines of a drift. */
export function changeOf(drift: Drift): Change {
  const { path, observed, desired, summary } = drift;
  if (path === '') {
    const isLoss = observed === 'present' && desired === 'absent';
    return { path: null, lines: [{ sign: isLoss ? '-' : '', text: summary ?? '' }] };
  }
  return (
    documentChange(drift) ?? statementChange(drift) ?? memberChange(drift) ?? listChange(drift) ?? valueChange(drift)
  );
}

/** Returns the lines of a document that comes or goes as a whole. */
function documentChange({ path, observed, desired, summary }: Drift): Change | undefined {
  if (observed === null && desired === '(a document)') {
    return { path: null, lines: [{ sign: '+', text: `${labelOf(path)}: new` }] };
  }
  const removed = statementsIn(observed);
  const isWhole = summary === undefined || path.endsWith(`.${summary.slice(2)}`);
  if (desired !== null || removed === undefined || !isWhole) return undefined;
  const lines = removed.map((statement): ChangeLine => ({ sign: '-', text: statementText(statement) }));
  return { path: labelOf(path), lines: [{ sign: '-', text: 'removed' }, ...lines] };
}

/** Returns the line of a statement that comes or goes as a whole. */
function statementChange({ path, observed, desired, summary }: Drift): Change | undefined {
  const [, field, rest] = IN_DOCUMENT.exec(path) ?? [];
  if (field?.startsWith('Statement[') !== true || rest !== undefined) return undefined;
  const statement = observed ?? desired;
  const text = isObject(statement) ? statementText(statement) : (summary ?? '').replace(/^[+-] /, '');
  const sign = observed === null ? '+' : '-';
  return { path: labelOf(path.slice(0, -(field.length + 1))), lines: [{ sign, text }] };
}

function statementsIn(value: Json): readonly Json[] | undefined {
  const statement = isObject(value) ? ownValue(value, 'Statement') : undefined;
  if (statement === undefined) return undefined;
  return isList(statement) ? statement : [statement];
}

/** Returns the line of a member of a list or map that comes or goes, whose summary is the member. */
function memberChange({ path, observed, desired, summary }: Drift): Change | undefined {
  const [, sign, member] = /^([+-]) (.*)$/s.exec(summary ?? '') ?? [];
  if (sign !== undefined && member !== undefined && IN_DOCUMENT.exec(path) === null) {
    if (sign === '+') return { path: labelOf(path), lines: [{ sign: '+', text: member }] };
    // A document whose beginning is all that the report has of it.
    const content = path.endsWith(`.${member}`) && typeof observed === 'string' ? observed : '';
    return { path: labelOf(path), lines: [{ sign: '-', text: `removed: ${content === '' ? member : content}` }] };
  }
  if (summary === undefined || /^Statement[ []|^(Version|Id|Document) /.test(summary)) return undefined;
  return { path: labelOf(path), lines: [{ sign: desired === null && observed !== null ? '-' : '', text: summary }] };
}

/** Returns the members that differ of two lists. */
function listChange({ path, observed, desired }: Drift): Change | undefined {
  if (![observed, desired].every((value) => value === null || isList(value)) || IN_DOCUMENT.exec(path) === null) {
    return undefined;
  }
  const [before, after] = [observed, desired].map((value) => (isList(value) ? value : []).map(memberText)) as [
    string[],
    string[],
  ];
  const removed = before.filter((member) => !after.includes(member));
  const added = after.filter((member) => !before.includes(member));
  if (removed.length + added.length === 0) return undefined;
  return {
    path: labelOf(path),
    lines: [
      ...removed.map((text): ChangeLine => ({ sign: '-', text })),
      ...added.map((text): ChangeLine => ({ sign: '+', text })),
    ],
  };
}

function memberText(member: Json): string {
  return typeof member === 'string' ? member : JSON.stringify(member);
}

function valueChange({ path, observed, desired }: Drift): Change {
  const label = labelOf(path);
  const [before, after] = [observed, desired].map((value) => JSON.stringify(value)) as [string, string];
  if (observed === null) return { path: null, lines: [{ sign: '+', text: `${label} = ${after}` }] };
  if (desired === null) return { path: null, lines: [{ sign: '-', text: `removed: ${label} = ${before}` }] };
  if (before.length + after.length > MAX_LINE_LENGTH) {
    return {
      path: label,
      lines: [
        { sign: '-', text: before },
        { sign: '+', text: after },
      ],
    };
  }
  return {
    path: null,
    lines: [
      { sign: '~', text: `${label} = ${before} -> ${after}`, pair: [`${label} = ${before}`, `${label} = ${after}`] },
    ],
  };
}

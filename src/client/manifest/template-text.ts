import type { Json, JsonObject } from '../../contract/entity.js';

/**
 * Texts while a manifest is written. What a manifest writes as a template of its own, such as `{{account}}`, is a token
 * between two characters that no text holds, so that braces of the text cannot be taken for it.
 */
const OPEN = '\uFDD0';
const CLOSE = '\uFDD1';
const TOKEN = /(\uFDD0[^\uFDD0\uFDD1]*\uFDD1)/;
const ARN = /\uFDD0(~?)arn (\w+)\uFDD1/g;

/** The account of the manifest. */
export const ACCOUNT_TOKEN = `${OPEN}account${CLOSE}`;

/** The partition of the manifest. */
export const PARTITION_TOKEN = `${OPEN}partition${CLOSE}`;

/** Returns the token for the ARN of an entity, by its ID: letters, digits and underscores. */
export function arnToken(id: string): string {
  return `${OPEN}arn ${id}${CLOSE}`;
}

/** Reports whether a text holds a character that tokens are made of. */
export function hasReservedCharacter(text: string): boolean {
  return text.includes(OPEN) || text.includes(CLOSE);
}

/** Replaces the ARNs of entities by other text. */
export function replaceArns(text: string, replace: (id: string) => string): string {
  return text.replace(ARN, (_, __, id: string) => replace(id));
}

/** Marks the ARNs in a document that IAM does not look up, so that the entities need not exist before. */
export function withUncheckedArns(document: Json): Json {
  return mapTexts(document, withUncheckedArn);
}

/** Marks the ARNs in a text that IAM does not look up. */
export function withUncheckedArn(text: string): string {
  return text.replaceAll(`${OPEN}arn `, `${OPEN}~arn `);
}

/** Returns the entities whose ARNs a value holds. */
export function arnsIn(value: Json): readonly { readonly id: string; readonly isUnchecked: boolean }[] {
  const found: { id: string; isUnchecked: boolean }[] = [];
  mapTexts(value, (text) => {
    for (const [, unchecked, id = ''] of text.matchAll(ARN)) found.push({ id, isUnchecked: unchecked === '~' });
    return text;
  });
  return found;
}

/** Replaces account and partition by their values. */
export function literalText(
  text: string,
  { account, partition }: { readonly account: string; readonly partition: string },
): string {
  return text.replaceAll(ACCOUNT_TOKEN, account).replaceAll(PARTITION_TOKEN, partition);
}

/**
 * Returns a text as a manifest has it: tokens become templates, and braces of the text stay text.
 *
 * @param text - the text with its tokens
 * @param write - returns what stands for the ARN of an entity: a template, or a text with tokens
 */
export function manifestText(
  text: string,
  write: (id: string, isUnchecked: boolean) => { readonly template: string } | { readonly text: string },
): string {
  const expanded = text.replace(ARN, (token: string, unchecked: string, id: string) => {
    const written = write(id, unchecked === '~');
    return 'text' in written ? written.text : token;
  });
  const parts = expanded.split(TOKEN);
  return parts
    .map((part, index) => {
      if (index % 2 === 0) return escapeBraces(part, index + 1 < parts.length);
      const name = part.slice(1, -1);
      const [, unchecked, id] = /^(~?)arn (\w+)$/.exec(name) ?? [];
      if (id === undefined) return `{{${name}}}`;
      const written = write(id, unchecked === '~');
      return 'template' in written ? written.template : '';
    })
    .join('');
}

/**
 * Writes braces as text. Before a template, a single one would open it, and a dollar would make it another tool's; a brace
 * before that dollar would open what stands for the dollar.
 */
function escapeBraces(text: string, isBeforeTemplate: boolean): string {
  const parts = text.split('{{');
  const last = parts.pop() ?? '';
  const end = isBeforeTemplate ? last.replace(/\{?\$$|\{$/, (tail) => tail.replace(/./g, "{{'$&'}}")) : last;
  return [...parts, end].join("{{'{{'}}");
}

/** Replaces every text of a value, keys included. */
export function mapTexts(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((member: Json) => mapTexts(member, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, member]) => [change(key), mapTexts(member, change)]),
  );
}

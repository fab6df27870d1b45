import type { Draw } from './cloudformation-templates.js';

/** Texts that no reader of YAML takes for another value. */
const PLAIN = /^(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z][\w:./*-]*(?<!:)$/i;
const SHORT = /^(?:Ref|Condition|Fn::(\w+))$/;

/** Writes a template as YAML: in blocks and in one line, with and without quotes, with long functions and short tags. */
export function yamlOf(value: unknown, draw: Draw, indent = ''): string {
  const inner = `${indent}  `;
  if (typeof value !== 'object' || value === null || draw.chance(20)) return flowOf(value, draw);
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return value.map((item: unknown) => `\n${indent}- ${yamlOf(item, draw, inner)}`).join('');
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || (tagOf(entries) !== undefined && draw.chance(70))) return flowOf(value, draw);
  return entries.map(([key, member]) => `\n${indent}${keyOf(key, draw)}: ${yamlOf(member, draw, inner)}`).join('');
}

/** Writes a value in one line. */
function flowOf(value: unknown, draw: Draw): string {
  if (Array.isArray(value)) return `[${value.map((one: unknown) => flowOf(one, draw)).join(', ')}]`;
  if (typeof value === 'string') return PLAIN.test(value) && draw.chance(60) ? value : quotedOf(value, draw);
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value);
  const tag = tagOf(entries);
  if (tag !== undefined && draw.chance(70)) return `!${tag} ${flowOf(entries[0]?.[1], draw)}`;
  return `{ ${entries.map(([key, one]) => `${keyOf(key, draw)}: ${flowOf(one, draw)}`).join(', ')} }`;
}

/** Returns the short form of a function. One tag does not follow another. */
function tagOf([first, ...others]: readonly (readonly [string, unknown])[]): string | undefined {
  const [name = '', argument] = first ?? [];
  const [found, short] = SHORT.exec(name) ?? [];
  const isMap = typeof argument === 'object' && argument !== null && !Array.isArray(argument);
  if (found === undefined || others.length > 0 || isMap) return undefined;
  return found === 'Condition' && typeof argument !== 'string' ? undefined : (short ?? found);
}

function keyOf(key: string, draw: Draw): string {
  return PLAIN.test(key) && draw.chance(70) ? key : quotedOf(key, draw);
}

function quotedOf(text: string, draw: Draw): string {
  return draw.chance(50) && !/[\n\t]/.test(text) ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text);
}

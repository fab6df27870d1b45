import pc from 'picocolors';
import { entityId, type Json } from '../../contract/entity.js';
import { positionText } from '../../engine/manifest/problem.js';
import { truncate } from '../../engine/text.js';
import type { CaptureUpdateReport, Difference, Patch } from '../../contract/capture-update.js';
import { counted } from '../../report/text.js';
import { plain } from '../terminal.js';
import { renderRefusedReads } from './refused-reads.js';

/** Characters of a value that are shown. */
const MAX_VALUE = 200;

/** Entities that are named, of those that the manifest does not declare. */
const MAX_NAMES = 10;

/** Renders what an update of manifests changes, and what it leaves to a person. `isCheck`: nothing is written. */
export function renderCaptureUpdate(update: CaptureUpdateReport, isCheck: boolean): string {
  const { changes, warnings, patches, untouched, notDeclared, unread } = update;
  return [
    section(
      'Administrator access:',
      warnings.map(({ entity, message }) => `${pc.yellow('!')} ${plain(entity ?? '')}: ${plain(message)}`),
    ),
    section(isCheck ? 'Would change:' : 'Changed:', changes.map(renderDifference)),
    section('To change by hand:', patches.map(renderPatch)),
    section(
      'Not in the account (declare absent with --removed):',
      missingOf(update).map((one) => `${plain(entityId(one))}${one.wasApplied === false ? NEVER_APPLIED : ''}`),
    ),
    section(
      'Not compared:',
      untouched.map((one) => `${plain(entityId(one))}: ${plain(one.reason)}`),
    ),
    section('Not read:', renderRefusedReads(unread)),
    section('Not declared, and not added:', namesOf(notDeclared.map(entityId))),
    conclusion(update, isCheck),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const NEVER_APPLIED = ': no apply is known to have made it, so --removed leaves it';

function missingOf({ gone }: CaptureUpdateReport): CaptureUpdateReport['gone'] {
  return gone.filter(({ isDeclaredAbsent }) => !isDeclaredAbsent);
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [pc.bold(title), ...lines.map((line) => `  ${line}`)].join('\n');
}

function namesOf(ids: readonly string[]): readonly string[] {
  if (ids.length <= MAX_NAMES) return ids.map(plain);
  return [...ids.slice(0, MAX_NAMES).map(plain), `${String(ids.length - MAX_NAMES)} more`];
}

const SIGNS: Readonly<Record<Difference['action'], (text: string) => string>> = {
  change: (text) => pc.yellow(`~ ${text}`),
  add: (text) => pc.green(`+ ${text}`),
  remove: (text) => pc.red(`- ${text}`),
};

function renderDifference(difference: Difference): string {
  const { action, entities, path, from, to } = difference;
  const values = [from, to].filter((value) => value !== undefined).map(valueText);
  const text = `${plain(positionText(difference))}  ${plain(entities.join(', '))}  ${plain(path)}`;
  return `${SIGNS[action](text)} = ${values.join(' -> ')}`;
}

function valueText(value: Json): string {
  return plain(truncate(JSON.stringify(value), MAX_VALUE));
}

function renderPatch(patch: Patch): string {
  return `${renderDifference(patch)}\n      ${pc.dim(plain(patch.reason))}`;
}

function conclusion(update: CaptureUpdateReport, isCheck: boolean): string {
  const { files, changes, patches, untouched, notDeclared, unread } = update;
  const open = [
    [patches.length, 'to make by hand'],
    [missingOf(update).length, 'not in the account'],
    [untouched.length, 'not compared'],
    [unread.length, 'not read'],
  ] as const;
  const rest = open.flatMap(([count, what]) => (count === 0 ? [] : [`, ${String(count)} ${what}`])).join('');
  if (files.length === 0) {
    const isSame = rest === '' && notDeclared.length === 0;
    return isSame ? 'No changes. The manifest has what the account has.' : `No file changes${rest}.`;
  }
  const [verb, taken] = isCheck ? ['would change', 'to take over'] : ['changed', 'taken over'];
  return `${counted(files.length, 'file')} ${verb}: ${counted(changes.length, 'difference')} ${taken}${rest}.`;
}

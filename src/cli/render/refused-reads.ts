import pc from 'picocolors';
import type { ReportedUnreadPart } from '../../contract/capture.js';
import { joinFirst } from '../../report/text.js';
import { refusalKey } from '../../report/refused-read.js';
import { plain } from '../terminal.js';

/** Kinds and entities that are named for one refusal. */
const MAX_NAMED = 20;

/** Renders reads that AWS refused: each refusal once, with what it leaves out and the action to allow. */
export function renderRefusedReads(unread: readonly ReportedUnreadPart[]): readonly string[] {
  const groups = new Map<string, ReportedUnreadPart[]>();
  for (const part of unread) {
    const key = refusalKey(part.message);
    groups.set(key, [...(groups.get(key) ?? []), part]);
  }
  return [...groups.values()].flatMap((parts) => {
    const [{ message, remedy } = { message: '', remedy: null }] = parts;
    const names = parts.map(({ kind, name }) => (name === null ? kind : `${kind}/${name}`));
    return [
      `${pc.red('?')} ${plain(joinFirst(names, MAX_NAMED))}: ${plain(message)}`,
      ...(remedy === null ? [] : [`    ${pc.dim('remedy:')} ${plain(remedy)}`]),
    ];
  });
}

import pc from 'picocolors';
import type { ExplainedAccount, GuardrailsExplanation } from '../../guardrails/explain.js';
import { columns, plain } from '../terminal.js';

/** Renders what guardrails allow, account by account. */
export function renderGuardrails({ file, digest, accounts, refused }: GuardrailsExplanation): string {
  return [
    `${plain(file)}  ${pc.dim(digest)}`,
    ...refused.map((reason) => `${pc.red('refused')}  ${plain(reason)}`),
    ...accounts.flatMap(renderAccount),
  ].join('\n');
}

function renderAccount({ account, rules, notLimited }: ExplainedAccount): readonly string[] {
  const title = account === '*' ? 'Every other account' : `Account ${plain(account)}`;
  const open = pc.dim('not limited');
  return [
    '',
    pc.bold(title),
    ...columns([
      ...rules.map(({ subject, meaning, place }) => [`  ${plain(subject)}`, pc.dim(lineOf(place)), plain(meaning)]),
      ...(notLimited.length === 0 ? [] : [[`  ${open}`, '', notLimited.join(', ')]]),
    ]),
  ];
}

/** Returns line and column of a place, whose file the first line names. */
function lineOf(place: string): string {
  return /\d+:\d+$/.exec(place)?.[0] ?? plain(place);
}

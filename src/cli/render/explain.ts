import pc from 'picocolors';
import { describeRun } from '../../client/describe.js';
import type { Cause, Explanation, Explanations, Moment } from '../../contract/explain.js';
import { plain } from '../terminal.js';

/** The text of a cause in a heading. */
const CAUSES: Readonly<Record<Cause, string>> = {
  'existed-before': 'it existed before',
  'parallel-writer': 'a parallel writer',
  'lost-reply': 'a lost reply',
  'replayed-retry': 'a replayed retry',
  'state-rolled-back': 'state that was rolled back',
  'path-or-case-collision': 'a collision of path or case',
  'other-account': 'another account',
  none: 'no conflict',
};

/** Renders the explanations for people. */
export function renderExplanations({ explanations, notes }: Explanations): string {
  const blocks = explanations.map(renderExplanation);
  const rest = notes.map((line) => pc.yellow(plain(line)));
  return [...blocks, ...(rest.length > 0 ? [rest.join('\n')] : [])].join('\n\n');
}

function renderExplanation(one: Explanation): string {
  const { asked, answered, there } = one;
  const sure = one.certainty === 'proven' ? '' : ' (inferred)';
  return [
    pc.bold(`${plain(`${one.kind}/${one.name}`)}: ${CAUSES[one.cause]}${sure}`),
    `  ${plain(one.headline)}`,
    `  ${pc.dim('remedy:')} ${plain(one.remedy)}`,
    ...(one.command === null ? [] : [`  ${pc.dim('type:')}   ${plain(one.command)}`]),
    '',
    ...(asked === null
      ? []
      : [
          row('last run', `${describeRun(asked)} at ${asked.startedAt}, ${describeOutcome(asked)}`),
          row('', `run ${asked.runId}`),
          ...(asked.url === null ? [] : [row('', asked.url)]),
        ]),
    ...(answered === null ? [] : answerRows(answered)),
    ...thereRows(there),
    ...(one.runs.length > 1 ? [row('runs', `${String(one.runs.length)} runs concern it in this period`)] : []),
    '',
    ...one.timeline.map(renderMoment),
  ].join('\n');
}

function describeOutcome({ decision, outcome }: NonNullable<Explanation['asked']>): string {
  return decision === 'no-op' ? 'no changes' : `planned: ${decision}, outcome: ${outcome}`;
}

function answerRows(answered: NonNullable<Explanation['answered']>): string[] {
  const { operation, code, status, meaning, requestId, at, attempts, sent } = answered;
  const http = status === null ? '' : ` (HTTP ${String(status)})`;
  const retried =
    attempts === null
      ? []
      : [
          attempts > 1
            ? `Temporal retried the activity: ${String(attempts)} attempts; the SDK retries no Create`
            : 'neither Temporal nor the SDK retried it',
        ];
  const count =
    sent === null ? [] : [`CloudTrail shows ${String(sent)} such ${sent === 1 ? 'call' : 'calls'} of this caller`];
  return [
    row('answer', `${operation}: ${code}${http}${at === null ? '' : ` at ${at}`}, request ${requestId ?? 'unknown'}`),
    row('', meaning),
    ...[...retried, ...count].map((line) => row('', line)),
  ];
}

function thereRows({
  status,
  message,
  arn,
  createdAt,
  owner,
  madeBy,
  madeAt,
  requestId,
}: Explanation['there']): string[] {
  const owned = `owner: ${owner ?? 'none found'}`;
  const shown =
    status === 'there'
      ? [`${arn ?? 'no ARN'}${createdAt === null ? '' : `, created ${createdAt}`}`, owned]
      : [status === 'absent' ? 'deleted: IAM no longer shows it' : `not read: ${message ?? ''}`];
  const made =
    madeAt === null
      ? []
      : [`created by ${madeBy ?? 'an unknown caller'} at ${madeAt}, request ${requestId ?? 'unknown'}`];
  return [...shown, ...made].map((line, index) => row(index === 0 ? 'entity' : '', line));
}

function row(title: string, text: string): string {
  return `  ${pc.dim(title.padEnd(9))} ${plain(text)}`;
}

function renderMoment({ at, who: by, what, requestId, source }: Moment): string {
  const request = requestId === null ? '' : `  request ${requestId}`;
  const told = source === 'temporal' ? '' : source === 'both' ? ', and CloudTrail' : ', CloudTrail';
  return `  ${pc.dim(at)}  ${plain(by)}: ${plain(what)}${pc.dim(`${plain(request)}${told}`)}`;
}

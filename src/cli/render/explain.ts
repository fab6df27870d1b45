import pc from 'picocolors';
import { describeRun } from '../../client/describe.js';
import type { Cause, Explanation, Explanations, TimelineEvent } from '../../contract/explain.js';
import { requesterText } from '../../report/words.js';
import { plain } from '../terminal.js';

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

function renderExplanation(explanation: Explanation): string {
  const { requestedBy, refusedCreate, existing } = explanation;
  const outcome = requestedBy?.outcome ?? '';
  const isUnfinished = explanation.cause === 'none' && ['failed', 'cancelled'].includes(outcome);
  const sure = explanation.certainty === 'proven' ? '' : ' (inferred)';
  return [
    pc.bold(
      `${plain(`${explanation.kind}/${explanation.name}`)}: ${isUnfinished ? outcome : CAUSES[explanation.cause]}${sure}`,
    ),
    `  ${plain(explanation.headline)}`,
    `  ${pc.dim('remedy:')} ${plain(explanation.remedy)}`,
    ...(explanation.command === null ? [] : [`  ${pc.dim('type:')}   ${plain(explanation.command)}`]),
    '',
    ...(requestedBy === null
      ? []
      : [
          row(
            'run',
            `${describeRun(requestedBy)} at ${requestedBy.startedAt}, ${describeOutcome(requestedBy)}${fileText(requestedBy)}`,
          ),
          ...askedRows(requestedBy),
          row('', `run ${requestedBy.runId}`),
          ...(requestedBy.url === null ? [] : [row('', requestedBy.url)]),
        ]),
    ...(refusedCreate === null ? [] : refusedCreateRows(refusedCreate)),
    ...existingRows(existing),
    ...(explanation.runs.length > 1
      ? [row('runs', `${String(explanation.runs.length)} runs concern it in this period`)]
      : []),
    '',
    ...explanation.timeline.map(renderTimelineEvent),
  ].join('\n');
}

function askedRows(run: NonNullable<Explanation['requestedBy']>): string[] {
  const asked = requesterText(run);
  return asked === undefined ? [] : [row('', asked)];
}

function describeOutcome({ decision, outcome }: NonNullable<Explanation['requestedBy']>): string {
  return decision === 'no-op' ? 'no changes' : `planned: ${decision}, outcome: ${outcome}`;
}

function refusedCreateRows(refusedCreate: NonNullable<Explanation['refusedCreate']>): string[] {
  const { operation, code, status, meaning, requestId, at, attempts, sent } = refusedCreate;
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

/** Returns what to add to something that nothing but a file tells. */
function fileText({ source }: { readonly source?: 'audit' }): string {
  return source === undefined ? '' : ' (as an audit file tells)';
}

function existingRows({
  status,
  message,
  arn,
  createdAt,
  owner,
  createdBy,
  createCallAt,
  requestId,
  ...told
}: Explanation['existing']): string[] {
  const owned = `owner: ${owner ?? 'none found'}`;
  const shown =
    status === 'present'
      ? [`${arn ?? 'no ARN'}${createdAt === null ? '' : `, created ${createdAt}`}`, owned]
      : [status === 'absent' ? 'deleted: IAM no longer shows it' : `not read: ${message ?? ''}`];
  const creation =
    createCallAt === null
      ? []
      : [
          `created by ${createdBy ?? 'an unknown caller'} at ${createCallAt}, request ${requestId ?? 'unknown'}${fileText(told)}`,
        ];
  return [...shown, ...creation].map((line, index) => row(index === 0 ? 'entity' : '', line));
}

function row(title: string, text: string): string {
  return `  ${pc.dim(title.padEnd(9))} ${plain(text)}`;
}

const SOURCES: Readonly<Record<TimelineEvent['source'], string>> = {
  temporal: '',
  both: ', and CloudTrail',
  cloudtrail: ', CloudTrail',
  audit: ', audit file',
};

function renderTimelineEvent({ at, caller, description, requestId, source }: TimelineEvent): string {
  const request = requestId === null ? '' : `  request ${requestId}`;
  return `  ${pc.dim(plain(at))}  ${plain(caller)}: ${plain(description)}${pc.dim(`${plain(request)}${SOURCES[source]}`)}`;
}

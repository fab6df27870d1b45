import pc from 'picocolors';
import { namespaceFlags } from '../../client/describe.js';
import { UNKNOWN_PIPELINE } from '../../report/run-description.js';
import type { RunSummary } from '../../client/runs.js';
import type { Progress } from '../../contract/progress.js';
import { parseBootstrapWorkflowId } from '../../contract/workflow-ids.js';
import { agoText, durationText } from '../../report/words.js';
import { columns, linkText, plain, wrapped } from '../terminal.js';
import { widthOf } from '../width.js';

const PAINT: Readonly<Record<string, (text: string) => string>> = {
  running: pc.cyan,
  'awaiting approval': pc.yellow,
  converged: pc.green,
  completed: pc.green,
  failed: pc.red,
  refused: pc.red,
  terminated: pc.red,
  cancelled: pc.magenta,
};

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>;

/** Renders runs, each in a line, and below them how to decide about those that wait for it. */
export function renderRuns(runs: readonly RunSummary[], now: number, stream: Stream): string {
  if (runs.length === 0) return 'No runs.';
  const accounts = new Set(runs.map(({ workflowId }) => parseBootstrapWorkflowId(workflowId).account));
  const [account = ''] = accounts;
  const hasAccount = accounts.size > 1;
  const head = ['STATE', 'STARTED', 'TOOK', ...(hasAccount ? ['ACCOUNT'] : []), 'NAMESPACE', 'BY'];
  const rows = runs.map((run) => cells(run, { now, stream, hasAccount }));
  const [titles = '', ...lines] = columns([head.map((title) => pc.dim(title)), ...rows]);
  return [
    ...(hasAccount ? [] : [`Runs in account ${plain(account)}`]),
    titles,
    ...lines.map((line, index) => withProgress(line, runs[index], { now, stream })),
    ...decideLines(runs).map((line) => wrapped(line, stream)),
    ...urlLines(runs, stream),
  ].join('\n');
}

/** Adds how far a run is: to its line where that fits, else below it. Below it stands why no worker takes its tasks. */
function withProgress(
  line: string,
  { progress, missingWorker }: Partial<RunSummary> = {},
  { now, stream }: { readonly now: number; readonly stream: Stream },
): string {
  if (missingWorker !== undefined) {
    return `${line}\n${wrapped(`  ${plain(missingWorker.message)}; ${plain(missingWorker.remedy)}`, stream)}`;
  }
  if (progress == null) return line;
  const text = plain(nowText(progress, now));
  const whole = `${line}  ${text}`;
  // isTTY is undefined for files and pipes.
  const fits = !(stream.isTTY as boolean | undefined) || widthOf(whole) <= stream.columns;
  return fits ? whole : `${line}\n${wrapped(`  ${text}`, stream)}`;
}

function cells(
  run: RunSummary,
  { now, stream, hasAccount }: { readonly now: number; readonly stream: Stream; readonly hasAccount: boolean },
): string[] {
  const { account, namespace } = parseBootstrapWorkflowId(run.workflowId);
  const state = stateOf(run);
  const startedAt = Date.parse(run.startedAt);
  const took = (run.closedAt === null ? now : Date.parse(run.closedAt)) - startedAt;
  const linked = (text: string, url: string | null): string =>
    url === null ? plain(text) : (linkText(plain(text), url, stream) ?? plain(text));
  const { actor, provider, url } = run.memo.pipeline ?? UNKNOWN_PIPELINE;
  const { principal } = run;
  const by = [
    ...(actor === null ? [] : [actor]),
    ...(provider === 'local' && actor !== null ? [] : [provider]),
    ...(principal === undefined ? [] : [`principal ${principal.name}`]),
  ].join(', ');
  return [
    (PAINT[state] ?? pc.yellow)(plain(state)),
    agoText(now - startedAt),
    durationText(Math.max(0, took)),
    ...(hasAccount ? [plain(account)] : []),
    linked(namespace, run.url),
    run.encryptedWith === undefined ? linked(by, url) : plain(`encrypted, key ID ${run.encryptedWith}`),
  ];
}

/** Returns what the state does not tell: how far a run is, what it waits for, or how long its plan can be approved. */
function nowText({ phase, done, total, waitingFor, approval }: Progress, now: number): string {
  if (approval !== undefined)
    return `${durationText(Math.max(0, Date.parse(approval.expiresAt) - now))} left to decide`;
  return `${phase}, ${String(done)} of ${String(total)} done${waitingFor === null ? '' : `, ${waitingFor}`}`;
}

function decideLines(runs: readonly RunSummary[]): readonly string[] {
  return runs
    .filter((run) => stateOf(run) === 'awaiting approval')
    .map(({ workflowId }) => {
      const { account, namespace } = parseBootstrapWorkflowId(workflowId);
      return `To see and decide: iam-bootstrap approve ${plain(namespaceFlags({ account, namespace }))}`;
    });
}

/** Returns the links that the names above are not: of the open runs, or else of the newest. */
function urlLines(runs: readonly RunSummary[], stream: Stream): readonly string[] {
  const open = runs.filter(({ status }) => status === 'RUNNING');
  return (open.length === 0 ? runs.slice(0, 1) : open).flatMap(({ url }) =>
    url === null || linkText('', url, stream) !== null ? [] : [pc.dim(plain(url))],
  );
}

/** Returns the result of the report, or Temporal's status where no report was recorded. */
function stateOf({ status, result, memo }: RunSummary): string {
  if (status === 'RUNNING') return memo.awaitingApproval === undefined ? 'running' : 'awaiting approval';
  const reported = status === 'COMPLETED' || status === 'FAILED' ? result : null;
  return reported ?? status.toLowerCase().replaceAll('_', ' ');
}

import pc from 'picocolors';
import { isImported } from '../../client/terraform/blocks.js';
import { VERDICTS } from '../../client/terraform/preflight.js';
import type { Finding, Preflight, PreflightPlan, Verdict } from '../../contract/preflight.js';
import { counted } from '../../report/text.js';
import { plain } from '../terminal.js';

/** The sign and the words of each verdict. */
const VERDICT_TEXTS: Readonly<Record<Verdict, readonly [sign: string, words: string]>> = {
  duplicate: ['!', 'created twice'],
  foreign: ['!', 'another owner'],
  collision: ['!', 'name taken'],
  import: ['&', 'exists'],
  limit: ['!', 'limit reached'],
  orphan: ['!', 'belongs to nothing'],
  recreate: ['±', 'destroyed and created'],
  unread: ['?', 'not read'],
  overwrite: ['~', 'overwritten'],
  unknown: ['?', 'not checkable'],
  present: ['=', 'there already'],
  create: ['+', 'free'],
};

/** Renders the result of `preflight` for people. Creates that nothing is in the way of are counted. */
export function renderPreflight(result: Preflight, files: readonly string[]): string {
  const { plans, findings, notes } = result;
  const shown = findings.filter(({ verdict, notes: more }) => verdict !== 'create' || more.length > 0);
  return [
    plans.map(renderPlan).join('\n'),
    ...shown.map((finding) => renderFinding(finding, plans.length > 1)),
    ...(notes.length === 0 ? [] : [notes.map((line) => pc.yellow(plain(line))).join('\n')]),
    conclusion(result, files),
  ].join('\n\n');
}

function renderPlan({ file, program, accounts, creates, renames }: PreflightPlan): string {
  const where = accounts.length === 0 ? '' : `, account ${plain(accounts.join(', '))}`;
  const also = renames === 0 ? '' : ` and ${counted(renames, 'rename')}`;
  return `${pc.bold(plain(file))} (${plain(program)})${where}: ${counted(creates, 'create')}${also} of IAM`;
}

/** Renders one finding: what, what AWS would answer, why, and what to do. */
export function renderFinding(finding: Finding, isPlanNamed: boolean): string {
  const { plan, address, entity, verdict, error, reason, remedy, importId, notes } = finding;
  const [sign, words] = VERDICT_TEXTS[verdict];
  const where = isPlanNamed ? `${plain(plan)}: ` : '';
  const head = `${colorOf(finding)(sign)} ${where}${pc.bold(plain(address))}${entity === null ? '' : `  ${plain(entity)}`}: ${words}`;
  return [
    head,
    `    ${plain(reason)}`,
    ...(error === null ? [] : [`    ${pc.red(plain(`${error.operation} would fail: ${error.code}`))}`]),
    ...(isImported(finding) ? [`    ${pc.dim('import ID:')} ${plain(importId ?? '')}`] : []),
    ...notes.map((line) => `    ${pc.yellow(plain(line))}`),
    ...(remedy === null ? [] : [`    ${pc.dim('remedy:')} ${plain(remedy)}`]),
  ].join('\n');
}

function colorOf({ verdict, error }: Finding): (text: string) => string {
  if (error !== null) return pc.red;
  return verdict === 'create' || verdict === 'present' ? pc.green : pc.yellow;
}

/** The last line: what would happen, and what to do next. */
function conclusion({ findings, plans, offline, summary }: Preflight, files: readonly string[]): string {
  if (plans.every(({ creates, renames }) => creates + renames === 0))
    return 'No plan creates or renames anything in IAM.';
  const noun = plans.some(({ renames }) => renames > 0) ? 'change' : 'create';
  const refused = findings.filter(({ error }) => error !== null).length;
  const blocks = findings.filter((finding) => isImported(finding) || finding.movedFrom !== null).length;
  const written =
    files.length > 0
      ? `Wrote ${counted(blocks, 'block')} to ${files.join(', ')}.`
      : blocks > 0
        ? `Write ${counted(blocks, 'import or moved block')} with --output FILE.`
        : '';
  const failing = countsOf(findings.filter(({ error }) => error !== null));
  const others = countsOf(findings.filter(({ error }) => error === null));
  const verb = refused > 0 ? `${counted(refused, noun)} would fail` : `No ${noun} would fail`;
  const known = offline ? `${verb} by what the plans show; AWS was not asked` : verb;
  const gaps = [
    ...(summary.unread > 0 ? ['the account could be read'] : []),
    ...(summary.unknown > 0 ? ['it can be checked'] : []),
  ];
  const gap = gaps.length === 0 ? '' : `, as far as ${gaps.join(' and ')}`;
  const [first, rest] = refused > 0 ? [failing, others] : [others || 'nothing found', ''];
  const line = `${known}${gap}: ${first}.${rest === '' ? '' : ` Others: ${rest}.`}`;
  return [line, ...(written === '' ? [] : [plain(written)])].join('\n');
}

/** Returns the number of findings by verdict, the gravest first: `2 created twice, 1 exists`. */
function countsOf(findings: readonly Finding[]): string {
  return VERDICTS.flatMap((verdict) => {
    const count = findings.filter((finding) => finding.verdict === verdict).length;
    return count === 0 ? [] : [`${String(count)} ${VERDICT_TEXTS[verdict][1]}`];
  }).join(', ');
}

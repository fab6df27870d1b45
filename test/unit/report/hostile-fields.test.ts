import MarkdownIt from 'markdown-it';
import { renderSummary } from '../../../src/cli/render/summary.js';
import { requestDetails, requestSummary } from '../../../src/report/run-description.js';
import type { DecisionAction, EntityReport, Outcome, Report } from '../../../src/contract/report.js';
import { OUTCOMES } from '../../../src/contract/report.js';
import { lockWaitDetails, planDetails, progressDetails, reportDetails } from '../../../src/workflows/details.js';
import { entityDetails } from '../../../src/workflows/entity-details.js';
import { accountLedgerDetails, ledgerDetails } from '../../../src/workflows/ledger-details.js';
import { ContractValues } from '../../support/hostile.js';

/** Attacks on the readers of Markdown, and on the people who read what they make of it. */
const ATTACKS = [
  '</code></summary></details><img src=x onerror=alert(1)><script>alert(2)</script>',
  '[click](https://evil.example) ![i](https://evil.example/i.png) <https://evil.example> [r][r]',
  'https://evil.example/a www.evil.com/b m@evil.com mailto:m@evil.com',
  '`` ` ``` ```\n```\n~~~',
  '| a | b |\n|---|---|\n| c | d |',
  '# heading\n\n- item\n1. item\n> quote\n***\ntext\n===\n\n    code',
  '_em_ *em* **strong** ~~del~~ $x^2$ &lt;b&gt; &#60;i&#62;',
  '[r]: https://evil.example',
  '\u202egnp.exe\u2066\u200b\u0000\u001b[2J',
];
const BENIGN = 'benign';

const markdown = new MarkdownIt({ html: true, linkify: true });

const contract = new ContractValues([
  'report.ts',
  'request.ts',
  'approval.ts',
  'progress.ts',
  'revision.ts',
  'declarations.ts',
  'entity-claims.ts',
]);

const DECISIONS: readonly DecisionAction[] = [
  'create',
  'adopt',
  'update',
  'replace',
  'release',
  'delete',
  'no-op',
  'refuse',
];

/** Returns a report with an entity of each outcome and of each decision, and the text in all their fields. */
function reportOf(text: string, command: Report['command']): Report {
  const fixed = { command, url: text, durationMs: 1 };
  const report = contract.valueOf<Report>('report.ts', 'Report', text, fixed);
  const entities = [
    ...OUTCOMES.map((outcome) => entityOf(text, 'update', outcome)),
    ...DECISIONS.map((decision) => entityOf(text, decision, 'pending')),
  ];
  // A Temporal UI is the reader's own.
  return { ...report, entities, workflow: { ...report.workflow, url: null } };
}

function entityOf(text: string, decision: DecisionAction, outcome: Outcome): EntityReport {
  return {
    ...contract.valueOf<EntityReport>('report.ts', 'EntityReport', text, { decision, outcome }),
    grants: [`inlinePolicies.${text}: Allow ${text}`, `description: ${JSON.stringify(text)}`, text],
    unmanaged: [`tags: ${text}`, text],
  };
}

/** The pages, and the summary of a job, with a text in every field. */
const PAGES: Readonly<Record<string, (text: string) => string>> = {
  'the page of a plan': (text) => planDetails(reportOf(text, 'plan')),
  'the page of a run that has ended': (text) => reportDetails(reportOf(text, 'apply')),
  'the page of an approval': (text) =>
    progressDetails(
      contract.valueOf('progress.ts', 'Progress', text),
      contract.valueOf('approval.ts', 'PendingApproval', text, { report: reportOf(text, 'plan') as never }),
      { count: 2, last: text },
    ),
  'the page of an open run': (text) =>
    progressDetails(contract.valueOf('progress.ts', 'Progress', text), null, { count: 0, last: '' }, [
      entityOf(text, 'create', 'failed'),
    ]),
  'the page of an entity': (text) =>
    OUTCOMES.map((outcome) =>
      entityDetails({
        report: entityOf(text, 'create', outcome),
        state: outcome === 'pending' ? 'creating' : outcome,
        namespace: text,
        requestedBy: text,
        failedAttempt: [contract.valueOf('report.ts', 'WriteRecord', text)],
      }),
    ).join('\n\n'),
  'the page of a run that waits': lockWaitDetails,
  'the page of a ledger': (text) =>
    ledgerDetails(
      [contract.valueOf('revision.ts', 'AppliedRevision', text)],
      [contract.valueOf('declarations.ts', 'Declaration', text)],
    ),
  "the page of an account's ledger": (text) =>
    accountLedgerDetails([contract.valueOf('entity-claims.ts', 'EntityClaim', text)]),
  'the summary of a job': (text) => renderSummary(reportOf(text, 'apply')),
  'the summary of a plan': (text) => renderSummary(reportOf(text, 'plan')),
  'what a request says of itself': (text) => {
    const request = contract.valueOf<Parameters<typeof requestSummary>[1]>('request.ts', 'BootstrapRequest', text);
    return `${requestSummary('plan', request)}\n\n${requestDetails(request)}`;
  },
};

/** Returns the tags of a page, without those of code, which text from elsewhere may become. */
function tagsOf(html: string): readonly string[] {
  return (html.match(/<[^>]*>/g) ?? []).filter((tag) => !/^<\/?code[ >]/.test(tag));
}

/** Returns what a reader sees. */
function textOf(html: string): string {
  const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' };
  return html.replace(/<[^>]*>/g, '').replace(/&(\w+);/g, (_, name: string) => entities[name] ?? '');
}

describe.each(Object.entries(PAGES))('%s', (_title, pageOf) => {
  const benign = tagsOf(markdown.render(pageOf(BENIGN)));

  test.each(ATTACKS)('has the elements of a page with harmless text, and no link or image: %j', (attack) => {
    const hostile = tagsOf(markdown.render(pageOf(attack)));
    expect(hostile).toEqual(benign);
    expect(hostile.filter((tag) => /^<(?:a|img|script)\b/.test(tag))).toEqual([]);
  });

  test.each([
    ['<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['https://evil.example/a_b', 'https://evil.example/a_b'],
    ['_em_ &lt;b&gt; $x$ #1', '_em_ &lt;b&gt; $x$ #1'],
    ['a|b', 'a|b'],
    ['a\u202eb\u0000c', 'a\ufffdb c'],
  ])('shows what was given, readable: %j', (text, shown) => {
    expect(textOf(markdown.render(pageOf(text)))).toContain(shown);
  });
});

test('the fields come from the contract: what a client sends is in them', () => {
  const request = contract.valueOf<Record<string, unknown>>('request.ts', 'BootstrapRequest', BENIGN);
  expect(request).toMatchObject({
    manifest: BENIGN,
    pipeline: { url: BENIGN, commit: BENIGN, actor: BENIGN, job: BENIGN, branch: BENIGN },
    entities: [{ name: BENIGN, source: { file: BENIGN, line: 1 } }],
  });
});

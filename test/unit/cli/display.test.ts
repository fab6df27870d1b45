import fc from 'fast-check';
import { renderReport } from '../../../src/cli/render/report.js';
import { note, plain, print, printError, printJson, wrapped } from '../../../src/cli/terminal.js';
import type { DecisionAction, EntityReport, Outcome, Report } from '../../../src/contract/report.js';
import { entityReport, reportOf } from '../../support/entity-report.js';

const ESCAPE = '\u001b';

/** What would move the cursor, hide text, retitle the terminal, or turn the reading direction. */
const HARMFUL = [
  `${ESCAPE}[2J`,
  `${ESCAPE}[1A${ESCAPE}[2K`,
  `${ESCAPE}]0;title\u0007`,
  `${ESCAPE}]8;;https://evil.example.com${ESCAPE}\\`,
  '\u009b31m',
  '\r',
  '\b',
  '\u0000',
  '\u007f',
  '\u202e',
  '\u2066',
];

/** Everything but the line feeds that lines end in. */
const CONTROL = /[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u;

/** The lines of a rendered report. The first is the heading. */
function linesOf(...args: Parameters<typeof reportOf>): string[] {
  return renderReport(reportOf(...args)).split('\n');
}

describe('a report', () => {
  it('shows the command, the outcome of each entity, and the cost', () => {
    const write = { operation: 'CreateRole', requestId: 'r-1', at: '2024-01-01T00:00:00.000Z' };
    expect(linesOf([entityReport({ writes: [write, { ...write, operation: 'PutRolePolicy' }] })])).toEqual([
      'apply ci (prod) in account 111111111111',
      '  + Role/deploy  created  CreateRole, PutRolePolicy',
      '',
      'converged: 1 created; 3 AWS calls, 1.2 s',
    ]);
  });

  it.each<[Outcome, string]>([
    ['created', '+'],
    ['adopted', '&'],
    ['updated', '~'],
    ['deleted', '-'],
    ['refused', '!'],
    ['failed', 'x'],
    ['skipped', '.'],
  ])('lists an entity that was %s under %s', (outcome, sign) => {
    const lines = linesOf([entityReport({ outcome })]);
    expect(lines[1]).toBe(`  ${sign} Role/deploy  ${outcome}`);
    expect(lines.at(-1)).toContain(`1 ${outcome};`);
  });

  it('counts unchanged entities, and does not list them', () => {
    const unchanged = Array.from({ length: 1000 }, (_, index) =>
      entityReport({ name: `same-${String(index)}`, decision: 'no-op', outcome: 'unchanged' }),
    );
    const lines = linesOf([...unchanged, entityReport()]);
    expect(lines).toHaveLength(4);
    expect(lines.join('\n')).not.toContain('same-');
    expect(lines.at(-1)).toContain('1000 unchanged, 1 created;');
  });

  it.each<[string, Partial<EntityReport>]>([
    ['drift', { drift: [{ path: 'description', observed: 'a', desired: 'b' }] }],
    ['something unmanaged', { unmanaged: ['managedPolicyArns: arn:aws:iam::aws:policy/ReadOnlyAccess'] }],
  ])('lists an unchanged entity that has %s: it is observed only', (_what, more) => {
    expect(linesOf([entityReport({ decision: 'no-op', outcome: 'unchanged', ...more })])[1]).toBe(
      '  = Role/deploy  unchanged',
    );
  });

  it('shows each drift with both values, or with its summary', () => {
    const lines = linesOf([
      entityReport({
        drift: [
          { path: 'maxSessionDuration', observed: 3600, desired: 7200 },
          { path: 'tags', observed: { a: 'b' }, desired: null },
          { path: 'inlinePolicies.work', observed: null, desired: null, summary: '2 statements added' },
        ],
      }),
    ]);
    expect(lines.slice(2, 6)).toEqual([
      '      ~ maxSessionDuration = 3600 -> 7200',
      '      - removed: tags = {"a":"b"}',
      '      inline policy work',
      '        2 statements added',
    ]);
  });

  it('lists unmanaged content, each conflict with its request, the reason and the remedy', () => {
    const conflict = { operation: 'CreateRole', code: 'EntityAlreadyExists', resolvedAs: 'adopted' as const };
    const lines = linesOf(
      [
        entityReport({
          outcome: 'adopted',
          unmanaged: ['inlinePolicies: legacy'],
          conflicts: [
            { ...conflict, requestId: 'r-1' },
            { ...conflict, requestId: null },
          ],
          reason: 'why',
          remedy: 'what to do',
        }),
      ],
      { reason: 'the run', remedy: 'apply again', workflow: { workflowId: 'w', runId: 'r', url: 'https://ui' } },
    );
    expect(lines.slice(2)).toEqual([
      '      ! unmanaged, kept: inline policy legacy',
      '      conflict: CreateRole answered EntityAlreadyExists (request r-1), resolved as adopted',
      '      conflict: CreateRole answered EntityAlreadyExists (request unknown), resolved as adopted',
      '      why',
      '      remedy: what to do',
      '  the run',
      '  remedy: apply again',
      '',
      'converged: 1 adopted, 2 conflicts; 3 AWS calls, 1.2 s',
      'https://ui',
    ]);
  });

  it('lines the words up', () => {
    const lines = linesOf([entityReport(), entityReport({ kind: 'InstanceProfile', name: 'a-longer-name' })]);
    expect(new Set(lines.slice(1, 3).map((line) => line.indexOf('created'))).size).toBe(1);
  });

  it('without entities states that nothing was read', () => {
    expect(linesOf([], { result: 'failed', reason: 'denied' }).at(-1)).toBe(
      'failed: nothing was read; 3 AWS calls, 1.2 s',
    );
  });
});

describe('a plan', () => {
  it.each<[DecisionAction, Outcome, string]>([
    ['create', 'pending', '+'],
    ['adopt', 'pending', '&'],
    ['update', 'pending', '~'],
    ['delete', 'pending', '-'],
    ['refuse', 'refused', '!'],
  ])('shows %s as what would be done', (decision, outcome, sign) => {
    const lines = linesOf([entityReport({ decision, outcome })], { command: 'plan', result: 'pending' });
    expect(lines[0]).toMatch(/^plan ci /);
    expect(lines[1]).toBe(`  ${sign} Role/deploy  ${decision}`);
    expect(lines.at(-1)).toContain(`Plan: 1 ${decision === 'refuse' ? 'refused' : `to ${decision}`};`);
  });

  it('counts entities that are as declared', () => {
    const lines = linesOf([entityReport({ decision: 'no-op', outcome: 'unchanged' })], { command: 'plan' });
    expect(lines).toEqual([
      'plan ci (prod) in account 111111111111',
      '',
      'No changes. 1 entity matches the manifest. 3 AWS calls, 1.2 s',
    ]);
  });
});

describe('text from other systems', () => {
  const nasty = fc
    .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 10 }), fc.constantFrom(...HARMFUL)), { maxLength: 4 })
    .map((parts) => parts.join(''));

  it('is printed without control characters', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        expect(plain(text)).not.toMatch(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
    for (const harmful of HARMFUL) expect(plain(`a${harmful}b`)).not.toContain(harmful);
  });

  it('is left alone where it is harmless, in any script', () => {
    const texts = ['Role/prod-deploy', 'größer', '発行', 'שלום', '🙂', 'arn:aws:iam::1:role/a+b=c,d.e@f'];
    expect(texts.map(plain)).toEqual(texts);
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]*$/), (text) => {
        expect(plain(text)).toBe(text);
      }),
    );
  });

  /** Renders reports with nasty text in the given places. */
  function renderNasty(place: (text: string) => [entity: Partial<EntityReport>, report: Partial<Report>]): void {
    fc.assert(
      fc.property(nasty, fc.constantFrom('plan' as const, 'apply' as const), (text, command) => {
        const [entity, report] = place(text);
        const rendered = renderReport(reportOf([entityReport(entity)], { command, ...report }));
        expect(rendered.replaceAll('\t', ' ')).not.toMatch(CONTROL);
      }),
    );
  }

  it('in names, values and reasons does not reach the terminal as an escape', () => {
    renderNasty((text) => [
      {
        kind: text,
        name: text,
        arn: text,
        drift: [
          { path: text, observed: text, desired: { [text]: [text] } },
          { path: text, observed: null, desired: null, summary: text },
        ],
        unmanaged: [text],
        reason: text,
        remedy: text,
      },
      { account: text, namespace: text, environment: text, reason: text, remedy: text },
    ]);
  });

  // What an endpoint answers is printed as it came: an error code and a request ID.
  it('in writes, conflicts and links does not reach the terminal as an escape', () => {
    renderNasty((text) => [
      {
        writes: [{ operation: text, requestId: text, at: text }],
        conflicts: [{ operation: text, code: text, requestId: text, resolvedAs: 'adopted' }],
      },
      { workflow: { workflowId: text, runId: text, url: text } },
    ]);
  });
});

describe('lines on a terminal', () => {
  const terminal = (columns: number): Parameters<typeof wrapped>[1] => ({ isTTY: true, columns });

  test('are broken between words, and continue with a deeper indent', () => {
    expect(wrapped(`    ${'word '.repeat(9)}end`, terminal(40)).split('\n')).toEqual([
      '    word word word word word word word',
      '      word word end',
    ]);
  });

  test('keep an ARN whole: it gets a line of its own, with a smaller indent where it fits only so', () => {
    const arn = `arn:aws:iam::111111111111:role/${'a'.repeat(20)}`;
    const line = `        + Allow sts:AssumeRole to ${arn} if true`;
    expect(wrapped(line, terminal(62)).split('\n')).toEqual([
      '        + Allow sts:AssumeRole to',
      `          ${arn}`,
      '          if true',
    ]);
    expect(wrapped(line, terminal(54)).split('\n')[1]).toBe(`   ${arn}`);
  });

  test('do not part a number from its unit, and count wide characters twice', () => {
    expect(wrapped(`${'a'.repeat(36)} 1.2 s`, terminal(40))).toBe(`${'a'.repeat(36)}\n  1.2 s`);
    expect(wrapped(`${'発'.repeat(18)} end`, terminal(40))).toBe(`${'発'.repeat(18)} end`);
    expect(wrapped(`${'発'.repeat(19)} end`, terminal(40))).toBe(`${'発'.repeat(19)}\n  end`);
  });

  test('fit and lose nothing but spaces; long words are not broken, and colours have no width', () => {
    const words = fc.array(fc.stringMatching(/^[a-z:/.]{1,60}$/), { minLength: 1, maxLength: 40 });
    const indents = fc.nat(8).map((count) => ' '.repeat(count));
    fc.assert(
      fc.property(words, indents, fc.integer({ min: 40, max: 120 }), (all, indent, columns) => {
        const line = indent + all.join(' ');
        const lines = wrapped(line, terminal(columns)).split('\n');
        expect(lines.join(' ').split(/ +/)).toEqual(line.split(/ +/));
        for (const one of lines) expect(one.length <= columns || one.trim().split(' ').length === 1).toBe(true);
        const painted = all.map((word) => `\u001b[31m${word}\u001b[39m`);
        const stripped = wrapped(indent + painted.join(' '), terminal(columns)).replaceAll(/\u001b\[\d+m/g, '');
        expect(stripped).toBe(lines.join('\n'));
      }),
    );
  });

  test('are not broken in a command to copy, nor without a terminal', () => {
    const command = 'iam-bootstrap apply -f iam/bootstrap.yaml --environment prod';
    expect(wrapped(`To apply: ${command}`, terminal(64))).toBe(`To apply:\n  ${command}`);
    expect(wrapped(`  remedy: run \`${command}\`, or another`, terminal(50)).split('\n')).toEqual([
      '  remedy: run',
      `    \`${command}\`,`,
      '    or another',
    ]);
    const prose = 'word '.repeat(100);
    expect(wrapped(prose, { isTTY: false, columns: 80 })).toBe(prose);
  });
});

describe('the streams', () => {
  let out: string;
  let error: string;

  beforeEach(() => {
    out = '';
    error = '';
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    });
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      error += String(text);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('have results on standard output, each ended by one line feed', () => {
    print('one');
    print('two\n');
    printJson({ three: 3 });
    expect([out, error]).toEqual(['one\ntwo\n{\n  "three": 3\n}\n', '']);
  });

  it('have everything else on standard error', () => {
    note('one');
    printError('two', 'three');
    printError('four', null);
    expect([out, error]).toEqual(['', 'one\nerror: two\nremedy: three\nerror: four\n']);
  });

  it('have no escapes of an error or its remedy', () => {
    for (const harmful of HARMFUL) printError(`a${harmful}b`, `c${harmful}d`);
    expect(error).not.toMatch(CONTROL);
    expect(error).toContain('\ufffd');
  });

  it('have no escapes in JSON, which escapes them itself', () => {
    for (const harmful of HARMFUL.filter((text) => text < '\u0020')) printJson({ name: harmful });
    expect(out).not.toMatch(CONTROL);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import {
  annotate,
  annotationsOfProblems,
  annotationsOfWarnings,
  annotationsOfReport,
  checkOutputs,
  githubCommand,
  publish,
} from '../../../src/cli/outputs.js';
import { renderJunit } from '../../../src/cli/render/junit.js';
import { renderSummary } from '../../../src/cli/render/summary.js';
import type { EntityReport, Report } from '../../../src/contract/report.js';
import { entityReport, reportOf as plainReportOf } from '../../support/entity-report.js';

function entityOf(more: Partial<EntityReport> = {}): EntityReport {
  return entityReport({ source: { file: 'iam/bootstrap.yaml', line: 7 }, ...more });
}

const URL = 'https://ui.example.com/run';

function reportOf(entities: readonly EntityReport[], more: Partial<Report> = {}): Report {
  return plainReportOf(entities, { workflow: { workflowId: 'w', runId: 'run', url: URL }, ...more });
}

const refused = entityOf({
  name: 'taken',
  decision: 'refuse',
  outcome: 'refused',
  reason: 'belongs to stack | of others',
  remedy: 'rename it',
});

describe('a summary in Markdown', () => {
  it('shows the command, the outcome of each entity, and the link of the run', () => {
    const drift = [{ path: 'maxSessionDuration', observed: 3600, desired: 7200 }];
    const text = renderSummary(
      reportOf([entityOf(), entityOf({ name: 'old', decision: 'update', outcome: 'updated', drift }), refused], {
        result: 'refused',
      }),
    );
    expect(text.split('\n')).toEqual([
      '### iam-bootstrap apply: refused',
      '',
      '`ci` (prod) in account `111111111111`: refused: 1 created, 1 updated, 1 refused; 3 AWS calls, 1.2 s. [Run in Temporal](https://ui.example.com/run)',
      '',
      '`!` `Role/taken` refused',
      '',
      'belongs to stack \\| of others',
      '',
      'remedy: rename it',
      '',
      '`+` `Role/deploy` created',
      '',
      '`~` `Role/old` updated',
      '',
      '```diff',
      '- maxSessionDuration = 3600',
      '+ maxSessionDuration = 7200',
      '```',
      '',
    ]);
  });

  it('lists no entity where none changed', () => {
    expect(renderSummary(reportOf([entityOf({ decision: 'no-op', outcome: 'unchanged' })]))).not.toContain('Role/');
  });

  it('states why there is no report, and what to do', () => {
    const text = renderSummary(reportOf([], { result: 'busy', reason: 'held by another', remedy: 'try again' }));
    expect(text).toContain('**held by another.** Remedy: try again.');
  });

  it('stays within the length of a comment: what needs a look comes first, and what is omitted is counted', () => {
    const entities = Array.from({ length: 3_000 }, (_, index) =>
      entityOf({ name: `role-${String(index)}`, grants: [`inlinePolicies.p: Allow s3:GetObject on ${String(index)}`] }),
    );
    const text = renderSummary(reportOf([...entities, refused], { command: 'plan' }));
    expect(text.length).toBeLessThanOrEqual(60_000);
    expect(text.indexOf('Role/taken')).toBeLessThan(text.indexOf('Role/role-0'));
    const left = 3_000 - text.split('\n').filter((line) => line.startsWith('`+`')).length;
    expect(left).toBeGreaterThan(0);
    expect(text).toContain(`Left out here: ${String(left)} more entities; see the report`);
  });

  it('folds what is long, and never a warning or what is unmanaged', () => {
    const grants = Array.from({ length: 30 }, (_, index) => `managedPolicyArns: arn:${String(index)}`);
    const text = renderSummary(
      reportOf([entityOf({ grants, warnings: ['managedPolicyArns: too much'], unmanaged: ['tags: old'] })]),
    );
    const [open = '', folded = ''] = text.split('<details><summary>31 lines of <code>Role/deploy</code></summary>');
    expect(open).toContain('! warning: attached policy too much\n! unmanaged, kept: tag old');
    expect(folded).toContain('+   arn:29\n');
  });

  it('keeps any text in its block: it never ends the block, or starts a line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const lines = renderSummary(reportOf([entityOf({ name: text, reason: `${text}.`, unmanaged: [text] })]))
          .split('\n')
          .slice(4);
        expect(lines).toHaveLength(8);
        const [title = '', , fence = '', kept = '', end, blank, , last] = lines;
        expect(title).toMatch(/^`\+` `Role\/.* created$/);
        expect(fence).toMatch(/^`{3,}diff$/);
        expect(kept).toMatch(/^! /);
        expect(end).toBe(fence.replace('diff', ''));
        expect(kept).not.toContain(end);
        expect([blank, last]).toEqual(['', '']);
      }),
      { examples: [['a|b'], ['`'], ['```'], ['\n```\n# x'], ['<img src=x>'], ['[a](b)'], ['\u202e']] },
    );
  });
});

describe('an annotation', () => {
  it('is at the line of an entity that was refused or failed, with reason and remedy', () => {
    expect(annotationsOfReport(reportOf([entityOf(), refused]))).toEqual([
      {
        file: 'iam/bootstrap.yaml',
        line: 7,
        title: 'Role/taken refused',
        message: 'belongs to stack | of others\nRemedy: rename it',
      },
    ]);
  });

  it('is at the position of a problem, unless the problem is in the command line', () => {
    const problem = { file: 'm.yaml', line: 3, column: 5, path: 'entities[0]', message: 'bad', remedy: 'fix it' };
    expect(annotationsOfProblems([problem, { ...problem, line: 0 }])).toEqual([
      { file: 'm.yaml', line: 3, column: 5, title: 'invalid manifest', message: 'bad\nRemedy: fix it' },
    ]);
  });

  it('is a warning where the manifest is valid', () => {
    const problem = { file: 'm.yaml', line: 3, column: 5, path: 'entities[0]', message: 'wide', remedy: 'limit it' };
    expect(annotationsOfWarnings([problem]).map(githubCommand)).toEqual([
      '::warning file=m.yaml,line=3,col=5,title=manifest warning::wide%0ARemedy: limit it',
    ]);
  });

  it('is one command of GitHub Actions for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (file, message) => {
        const command = githubCommand({ file, line: 3, title: file, message });
        expect(command).toMatch(/^::error [^\r\n]*::[^\r\n]*$/);
        const [, properties = '', data = ''] = /^::error ([^:]*)::([\s\S]*)$/.exec(command) ?? [];
        expect(properties.split(',')).toHaveLength(3);
        const decoded = data.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%');
        expect(decoded).toBe(message);
      }),
      {
        examples: [
          ['a,line=1', 'a::b'],
          ['a:b', '%0A'],
          ['\n::stop::', '\n::set-output'],
        ],
      },
    );
  });
});

describe('a report in JUnit XML', () => {
  /** Parses with another XML parser. */
  const parsed = (xml: string): unknown => {
    const script = [
      'import sys, json, xml.etree.ElementTree as e',
      'def tree(n): return [n.tag, n.attrib, (n.text or "").strip(), [tree(c) for c in n]]',
      'print(json.dumps(tree(e.fromstring(sys.stdin.buffer.read()))))',
    ].join('\n');
    return JSON.parse(execFileSync('python3', ['-c', script], { input: xml, encoding: 'utf8' }));
  };

  it('has a test case for each entity; refused and failed ones fail', () => {
    const entities = [entityOf(), refused, entityOf({ name: 'later', outcome: 'skipped', reason: 'waits' })];
    const [, , , [suite]] = parsed(renderJunit(reportOf(entities))) as [string, object, string, [[string, object]]];
    expect(suite[1]).toMatchObject({
      name: 'iam-bootstrap apply ci (prod)',
      tests: '3',
      failures: '1',
      skipped: '1',
      errors: '0',
      time: '1.2',
    });
    expect(JSON.stringify(suite)).toContain('belongs to stack | of others');
  });

  it('is valid XML for any text', () => {
    const texts = ['<&>"\'', ']]>', '\u0000\u001b[2J', '\ud800', '\n', 'ä€𝄞'];
    for (const text of texts) {
      const report = reportOf([entityOf({ name: text, outcome: 'failed', reason: text, remedy: text })], {
        reason: text,
      });
      expect(() => parsed(renderJunit(report))).not.toThrow();
    }
  });
});

describe('the outputs of a report', () => {
  let folder: string;
  const said: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-outputs-'));
    said.length = 0;
    jest.spyOn(process.stderr, 'write').mockImplementation((line) => {
      said.push(String(line));
      return true;
    });
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it('are checked before the run: a missing folder is a usage error', async () => {
    await expect(checkOutputs({ summary: join(folder, 'a.md'), junit: join(folder, 'none/b.xml') })).rejects.toThrow(
      /^--junit .*none\/b\.xml cannot be written$/,
    );
    await expect(checkOutputs({ summary: 'here.md' })).resolves.toBeUndefined();
  });

  it('are the named files, and outside of GitHub nothing else', async () => {
    const options = { summary: join(folder, 'a.md'), junit: join(folder, 'b.xml') };
    await publish(reportOf([refused]), options, { github: undefined });
    expect(await readFile(options.summary, 'utf8')).toBe(renderSummary(reportOf([refused])));
    expect(await readFile(options.junit, 'utf8')).toBe(renderJunit(reportOf([refused])));
    expect(said).toEqual([]);
  });

  it('are the summary, the outputs and the log of the step in GitHub Actions', async () => {
    const [stepSummary, output] = [join(folder, 'summary'), join(folder, 'output')];
    await writeFile(stepSummary, 'earlier\n');
    await publish(reportOf([entityOf(), refused]), {}, { github: { stepSummary, output, workspace: undefined } });
    expect(await readFile(stepSummary, 'utf8')).toMatch(/^earlier\n### iam-bootstrap apply/);
    const values = Object.fromEntries(
      [...(await readFile(output, 'utf8')).matchAll(/^([\w-]+)<<(\S+)\n(.*)\n\2$/gm)].map(([, name = '', , value]) => [
        name,
        value,
      ]),
    );
    expect(values).toEqual({
      result: 'converged',
      changes: '1',
      'run-url': 'https://ui.example.com/run',
      arns: JSON.stringify({
        'Role/deploy': 'arn:aws:iam::111111111111:role/deploy',
        'Role/taken': 'arn:aws:iam::111111111111:role/deploy',
      }),
    });
    expect(said).toEqual([
      '::error file=iam/bootstrap.yaml,line=7,title=Role/taken refused::belongs to stack | of others%0ARemedy: rename it\n',
    ]);
  });

  it('name a manifest by its path in the checkout, in whatever folder the command runs', () => {
    const [annotation] = annotationsOfReport(reportOf([refused]));
    const workspace = join(process.cwd(), '..');
    annotate(annotation === undefined ? [] : [annotation], {
      github: { stepSummary: undefined, output: undefined, workspace },
    });
    expect(said.join('')).toContain(`file=${basename(process.cwd())}/iam/bootstrap.yaml,line=7`);
  });

  it('report a file that cannot be written without changing the result of the run', async () => {
    await expect(publish(reportOf([]), { summary: folder }, { github: undefined })).resolves.toBeUndefined();
    expect(said.join('')).toContain(`could not write ${folder}: EISDIR`);
  });
});

import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Archive } from '../../../../src/client/audit/archive.js';
import { AuditFile } from '../../../../src/client/audit/audit-file.js';
import { lineOf, lineProblem, readRecords } from '../../../../src/client/audit/audit-lines.js';
import { fileError } from '../../../../src/client/audit/file-error.js';
import { recordsOf, unreadRecordOf } from '../../../../src/client/audit/records.js';
import type { AuditRecord } from '../../../../src/contract/audit.js';
import type { EntityReport } from '../../../../src/contract/report.js';
import { entityReport, reportOf } from '../../../support/entity-report.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-file-'));
});

afterAll(() => rm(directory, { recursive: true }));

let files = 0;

async function fileWith(content: string): Promise<string> {
  files += 1;
  const path = join(directory, `audit-${String(files)}.jsonl`);
  await writeFile(path, content);
  return path;
}

type Closed = Parameters<typeof recordsOf>[0];
type Records = readonly [AuditRecord, ...AuditRecord[]];

/** Returns the records of a run with one write for each entity. */
function recordsWith(runId: string, names: readonly string[], closedAt = '2026-01-02T00:00:10.000Z'): Records {
  const workflowId = 'iam-bootstrap:111111111111:ci';
  const entities = names.map((name, index): EntityReport =>
    entityReport({
      name,
      writes: [{ operation: 'CreateRole', requestId: `${runId}-${String(index)}`, at: '2026-01-02T00:00:01.000Z' }],
    }),
  );
  const run = {
    workflowId,
    runId,
    type: 'bootstrap',
    status: { name: 'COMPLETED' },
    startTime: new Date('2026-01-02T00:00:00.000Z'),
    closeTime: new Date(closedAt),
  } as Closed['run'];
  return recordsOf({
    run,
    url: null,
    memo: {},
    target: null,
    parent: null,
    reason: null,
    report: reportOf(entities, { workflow: { workflowId, runId, url: null } }),
    fleet: null,
    scheduled: null,
    entities,
    approvals: [],
    missing: [],
  });
}

function textOf(records: readonly AuditRecord[]): string {
  return records.map(lineOf).join('');
}

describe('a line', () => {
  test('escapes what changes a terminal or what other programs take for the end of a line, and reads back equal', async () => {
    const [record] = recordsWith('run', ['\u001b[2J\u2028\u2029\u202e##[error]\u009b']);
    const [line, ...others] = recordsWith('run', ['\u001b[2J\u2028\u2029\u202e##[error]\u009b']).map(lineOf);
    expect([line, ...others].join('')).not.toMatch(/[^\n\u0020-\u007e]|##/);
    const read: AuditRecord[] = [];
    await readRecords('file', chunksOf(line ?? '', 7), (one) => read.push(one));
    expect(read).toEqual([record]);
  });

  test('is read across chunks, whatever their size', async () => {
    const records = [...recordsWith('a', ['x', 'y']), ...recordsWith('b', ['ü', 'z'])];
    for (const size of [1, 2, 1_000, 1_000_000]) {
      const read: AuditRecord[] = [];
      expect(await readRecords('file', chunksOf(textOf(records), size), (record) => read.push(record))).toBeNull();
      expect(read).toEqual(records);
    }
  });

  test('has its length measured as it is written, with what is escaped', () => {
    const [record] = recordsWith('run', []);
    const long = { ...record, reason: '\u007f'.repeat(1_000) } as AuditRecord;
    const bytes = lineOf(long).length - 1;
    expect(bytes).toBeGreaterThan(6_000);
    expect(lineProblem(long, bytes)).toBeNull();
    expect(lineProblem(long, bytes - 1)).toContain('its run record is longer than a line may be');
  });

  test('that is longer than any record is refused before all of it is in memory', async () => {
    let sent = 0;
    const endless = (function* () {
      for (;;) {
        sent += 1;
        yield Buffer.alloc(1_048_576, 'x');
      }
    })();
    const read = readRecords('big.jsonl', endless as never, () => undefined);
    await expect(read).rejects.toMatchObject({
      message: 'big.jsonl:1: the line is longer than any record',
      exitCode: 64,
    });
    expect(sent).toBeLessThan(70);
  });
});

function* bytesOf(text: string, size: number): Generator<Buffer> {
  const all = Buffer.from(text);
  for (let start = 0; start < all.length; start += size) yield all.subarray(start, start + size);
}

function chunksOf(text: string, size: number): AsyncIterable<Buffer> {
  return bytesOf(text, size) as unknown as AsyncIterable<Buffer>;
}

test.each([
  ['is no JSON', 'hello', 'the line is no JSON'],
  ['is of another version', '{"version":2}', /: no record of an export: kind: /],
  ['lacks a field', lineOf({ ...recordsWith('run', ['x'])[1], report: undefined } as never).trimEnd(), /report: /],
  ['has another field', lineOf({ ...recordsWith('run', [])[0], extra: 1 } as never).trimEnd(), /extra/],
  ['has no time', lineOf({ ...recordsWith('run', [])[0], startedAt: '\u001b[31m' } as never).trimEnd(), /startedAt: /],
])('a file with a line that %s is refused by file and line, and not changed', async (_what, line, problem) => {
  const content = `${textOf(recordsWith('good', ['x']))}${line}\n`;
  const path = await fileWith(content);
  const error = { exitCode: 64, message: expect.stringMatching(new RegExp(`^${path}:4: `)) as string };
  await expect(AuditFile.open(path)).rejects.toMatchObject(error);
  await expect(AuditFile.open(path)).rejects.toThrow(problem);
  expect(await readFile(path, 'utf8')).toBe(content);
  const archive = await Archive.open([path]);
  await expect(archive.findRun('good')).rejects.toMatchObject(error);
});

test('a file knows complete runs by their end, and adds what a crash has left out', async () => {
  const records = recordsWith('run', ['x', 'y']);
  const path = await fileWith(textOf(records.slice(0, 3)) + (textOf(records).split('\n')[3] ?? '').slice(0, 40));
  const file = await AuditFile.open(path);
  expect(file.repair).toEqual({ line: 4, bytes: 40 });
  const { runId, closedAt } = records[0];
  expect(file.hasRun({ runId, closedAt })).toBe(false);
  expect(await file.add(records)).toEqual(records.slice(3));
  expect(file.hasRun({ runId, closedAt })).toBe(true);
  expect(file.hasRun({ runId, closedAt: '2026-01-03T00:00:00.000Z' })).toBe(false);
  await file.close();
  expect(await readFile(path, 'utf8')).toBe(textOf(records));
});

describe('an archive', () => {
  const ACCOUNT = '111111111111';

  test('returns the runs of an entity alone, newest first, whatever file has them, and each end once', async () => {
    const first = recordsWith('first', ['x', 'y']);
    const again = recordsWith('first', ['x'], '2026-01-03T00:00:00.000Z');
    const paths = [
      await fileWith(textOf([...first, ...recordsWith('other', ['z'])])),
      await fileWith(textOf([...first, ...again])),
    ];
    const archive = await Archive.open(paths);
    const { runs, notes } = await archive.runsOf(ACCOUNT, [{ kind: 'Role', name: 'X' }]);
    expect(notes).toEqual([]);
    expect(runs.map(({ reference }) => [reference.runId, reference.endedAt, reference.source])).toEqual([
      ['first', '2026-01-03T00:00:00.000Z', 'audit'],
      ['first', '2026-01-02T00:00:10.000Z', 'audit'],
    ]);
    expect(runs.map(({ report }) => report?.entities.map(({ name, writes }) => [name, writes.length]))).toEqual([
      [['x', 1]],
      [['x', 1]],
    ]);
    expect(await archive.runsOf('222222222222', [{ kind: 'Role', name: 'x' }])).toMatchObject({ runs: [] });
  });

  test('finds the rest of a run that a repaired file has after another run', async () => {
    const cut = recordsWith('cut', ['a', 'b', 'c']);
    const next = recordsWith('next', ['b']);
    const path = await fileWith(textOf([...cut.slice(0, 3), ...next, ...cut.slice(3, 5)]));
    const archive = await Archive.open([path, await fileWith(textOf(cut))]);
    for (const name of ['b', 'c']) {
      const { runs, notes } = await archive.runsOf(ACCOUNT, [{ kind: 'Role', name }]);
      expect(notes).toEqual([]);
      const found = runs.find(({ reference }) => reference.runId === 'cut');
      expect(found?.report?.entities.map((one) => [one.name, one.writes.length])).toEqual([[name, 1]]);
    }
  });

  test('finds a run, a name and a request', async () => {
    const archive = await Archive.open([await fileWith(textOf(recordsWith('run', ['Deploy', 'other'])))]);
    const found = await archive.findRun('iam-bootstrap:111111111111:ci');
    expect(found?.report?.entities.map(({ name }) => name)).toEqual(['Deploy', 'other']);
    expect(await archive.findRun('nothing')).toBeNull();
    expect(await archive.findNamed('deploy')).toEqual([{ kind: 'Role', name: 'Deploy' }]);
    expect(await archive.findRequest('run-1', ACCOUNT)).toEqual({ kind: 'Role', name: 'other', runId: 'run' });
    expect(await archive.findRequest('run-1', '222222222222')).toBeNull();
  });

  test('tells of a file that was cut off, of an incomplete last line, and of runs that were not read', async () => {
    const records = recordsWith('cut', ['x', 'y']);
    const unread = unreadRecordOf(
      {
        runId: 'unread',
        workflowId: 'iam-bootstrap:111111111111:ci',
        type: 'bootstrap',
        status: { name: 'COMPLETED' },
        startTime: new Date(0),
      } as never,
      'why',
    );
    const path = await fileWith(textOf([unread, ...records.slice(0, 4)]));
    await appendFile(path, (textOf(records).split('\n')[4] ?? '').slice(0, 60));
    const { notes } = await (await Archive.open([path])).runsOf(ACCOUNT, [{ kind: 'Role', name: 'x' }]);
    expect(notes).toEqual([
      `${path}:6 is incomplete, as an export leaves it that was killed: it does not count`,
      `1 run without all records in ${path}, such as cut: the file was cut off or changed`,
      `1 run in ${path} that the export could not read`,
    ]);
  });
});

test('an error of a file has a remedy by its code', () => {
  const remedyOf = (code: string): string | null => fileError('f', 'written', { code }).remedy;
  const remedies = ['EACCES', 'ENOENT', 'ENOSPC', 'EROFS', 'EIO'].map(remedyOf);
  expect(new Set(remedies).size).toBe(5);
});

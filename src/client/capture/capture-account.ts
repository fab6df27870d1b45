import type { CapturedEntity, CaptureFilter, LeftOutEntity } from '../../contract/capture.js';
import type { CaptureReport } from '../../contract/capture-report.js';
import { ExitCode } from '../../contract/failures.js';
import type { Problem } from '../../engine/manifest/problem.js';
import { requestSizeProblem } from '../../engine/request-size.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { sentBytes } from '../../temporal/sent-bytes.js';
import type { RunOptions } from '../run/events.js';
import { type CaptureOptions, checkCaptureOptions } from './capture-options.js';
import type { CapturedFile } from './contents.js';
import { findWarnings } from './find-warnings.js';
import { readAccount } from './read-account.js';
import { writeManifest } from './write-manifest.js';
import type { WrittenManifest } from './written-manifest.js';

/** An account as a manifest. */
export interface Captured {
  /** The manifests first. Their paths are relative to the folder of the options. Empty where nothing was captured. */
  readonly files: readonly CapturedFile[];
  readonly report: CaptureReport;
}

/**
 * Reads an account through a worker, and writes it as a manifest that plans no change but the adoption of its entities.
 * Writes nothing to AWS and no file: {@link saveCapture} does that.
 *
 * @throws CaptureOptionError for an option that is not valid, ReadError where the account cannot be read, BusyError
 *   where no worker polls
 */
export async function captureAccount(
  temporal: TemporalConnection,
  options: CaptureOptions,
  runOptions: RunOptions = {},
): Promise<Captured> {
  checkCaptureOptions(options);
  const { target, namespace, environment = 'default', format = 'yaml', directory = 'iam' } = options;
  const filter: CaptureFilter = {
    namespace,
    kinds: options.kinds ?? [],
    names: options.names ?? [],
    path: options.path ?? null,
    tags: options.tags ?? {},
    owner: options.owner ?? null,
  };
  const captured: CapturedEntity[] = [];
  const leftOut: LeftOutEntity[] = [];
  const account = readAccount(temporal, target, filter, runOptions);
  let page = await account.next();
  for (; page.done !== true; page = await account.next()) {
    if ('leftOut' in page.value) leftOut.push(page.value);
    else captured.push(page.value);
  }
  const written = writeManifest(captured, { target, namespace, environment, format, directory });
  const all = [...leftOut, ...written.leftOut];
  const problems = [...written.problems, ...(await sizeProblems(written))];
  const report = {
    ...reportOf({ ...written, problems, leftOut: all }, page.value.unread),
    account: target.account,
    partition: target.partition,
    namespace,
    environment,
    directory,
    otherFiles: [],
    apiCalls: {
      total: Object.values(page.value.calls).reduce((sum, count) => sum + count, 0),
      byOperation: page.value.calls,
    },
  };
  return { files: report.files.length === 0 ? [] : written.files, report };
}

/** Finds that a manifest is too large for one run, as `plan` does. */
export async function sizeProblems({ request }: Pick<WrittenManifest, 'request'>): Promise<readonly Problem[]> {
  const problem = request === null ? null : await requestSizeProblem({ request, positions: [] }, sentBytes);
  return problem === null ? [] : [{ ...problem, remedy: 'capture by --path, --kind or --tag into several namespaces' }];
}

/** The parts of a report that depend on what was found. */
type Findings = Omit<
  CaptureReport,
  'account' | 'partition' | 'namespace' | 'environment' | 'directory' | 'otherFiles' | 'apiCalls'
>;

function reportOf(written: WrittenManifest, unread: CaptureReport['unread']): Findings {
  const { captured, leftOut, notDeclared, toFillIn, problems } = written;
  const counts: Record<string, number> = {};
  for (const { kind } of captured) counts[kind] = (counts[kind] ?? 0) + 1;
  const isEmpty = captured.length === 0;
  return {
    version: 1,
    command: 'capture',
    result: unread.length > 0 ? 'incomplete' : isEmpty ? 'nothing' : 'captured',
    manifests: isEmpty ? [] : written.manifests,
    files: isEmpty ? [] : written.files.map(({ path }) => path),
    captured: counts,
    leftOut: leftOut.map(({ kind, name, arn, leftOut: reason }) => ({ kind, name, arn, reason })),
    notDeclared,
    toFillIn,
    unread,
    warnings: [
      ...problems.map(({ message, remedy }) => ({
        code: 'manifest' as const,
        entity: null,
        message: `${message}; ${remedy}`,
      })),
      ...findWarnings(captured, leftOut, Date.now()),
    ],
  };
}

/** Returns the exit code of a capture: reads that AWS refused fail it. */
export function captureExitCode({ result }: CaptureReport): ExitCode {
  return result === 'incomplete' ? ExitCode.Failed : ExitCode.Converged;
}

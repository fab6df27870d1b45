import { saveFiles } from '../../client/capture/update/save-files.js';
import { updateFromAccount } from '../../client/capture/update/update-from-account.js';
import type { ManifestUpdate, RefusedUpdate } from '../../client/capture/update/update-manifest.js';
import type { Config } from '../../config/config.js';
import type { CaptureUpdateReport } from '../../contract/capture-update.js';
import { ExitCode } from '../../contract/failures.js';
import { renderCaptureUpdate } from '../render/capture-update.js';
import { manifestFiles, requestOf } from '../request.js';
import { untilInterrupted } from '../run-command.js';
import { openSession, type Session } from '../session.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

/** The options of `capture --update`. */
export interface CaptureUpdateOptions {
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly removed: boolean;
  readonly everyEnvironment: boolean;
  readonly check: boolean;
  readonly output: 'text' | 'json';
  readonly waitTimeout: number;
}

/** Takes the drift of an account over into the manifest that declares it. Writes nothing to AWS. */
export async function captureUpdate(options: CaptureUpdateOptions, config: Config): Promise<ExitCode> {
  const { check, output } = options;
  const asked = await ask(options, config);
  const update = requestOf(
    asked.ok ? { ok: true, request: asked, warnings: [] } : { ...asked, warnings: [] },
    { output },
    config,
  );
  if (update === null) return ExitCode.Usage;
  if (!check) saveFiles(update.files);
  const report = reportOf(update, check);
  if (output === 'json') printJson(report);
  else print(wrapped(renderCaptureUpdate(report, check), process.stdout));
  if (update.unread.length > 0) return ExitCode.Failed;
  return report.result === 'pending' ? ExitCode.Pending : ExitCode.Converged;
}

function reportOf(update: ManifestUpdate, isCheck: boolean): CaptureUpdateReport {
  const { of, files, changes, warnings, patches, gone, untouched, notDeclared, unread } = update;
  const isPending =
    (isCheck && files.length > 0) ||
    patches.length > 0 ||
    gone.some(({ isDeclaredAbsent }) => !isDeclaredAbsent) ||
    untouched.some(({ isDifferent }) => isDifferent);
  return {
    version: 1,
    command: 'capture',
    result: isPending ? 'pending' : files.length > 0 ? 'updated' : 'unchanged',
    account: of.target.account,
    namespace: of.namespace,
    environment: of.environment,
    files: files.map(({ file }) => file),
    changes,
    warnings,
    patches,
    gone,
    untouched,
    notDeclared,
    unread,
  };
}

/** Has a worker read the account. Manifests with problems need none. */
async function ask(options: CaptureUpdateOptions, config: Config): Promise<ManifestUpdate | RefusedUpdate> {
  const interrupt = untilInterrupted();
  const opened: { session?: Session } = {};
  try {
    return await updateFromAccount(
      async () => {
        opened.session = await openSession(config, note);
        return opened.session.temporal;
      },
      manifestFiles(options.file),
      {
        environment: options.environment,
        variables: options.var,
        removed: options.removed,
        everywhere: options.everyEnvironment,
        waitTimeoutMs: options.waitTimeout,
        signal: interrupt.signal,
        onEvent: (event) => {
          if (event.type === 'no-worker') note(`Waiting for a worker of task queue ${plain(event.taskQueue)}.`);
        },
      },
    );
  } catch (error) {
    if (interrupt.signal.aborted) throw interrupt.signal.reason;
    throw opened.session === undefined ? error : await opened.session.explain(error);
  } finally {
    interrupt.dispose();
    await opened.session?.close();
  }
}

import { join } from 'node:path';
import { captureAccount, captureExitCode, type Captured } from '../../client/capture/capture-account.js';
import { type CaptureOptions, checkCaptureOptions } from '../../client/capture/capture-options.js';
import { CAPTURE_MANIFEST, type CaptureFormat } from '../../client/capture/format.js';
import { assertAbsent, assertWritable, saveCapture } from '../../client/capture/save-capture.js';
import { targetOfRole } from '../../client/terraform/shown-accounts.js';
import { type Config, loadConfig } from '../../config/config.js';
import type { CaptureFilter } from '../../contract/capture.js';
import type { Target } from '../../contract/entity.js';
import { ExitCode } from '../../contract/failures.js';
import { renderCapture } from '../render/capture.js';
import { loadManifestRequest } from '../request.js';
import { captureUpdate, type CaptureUpdateOptions } from './capture-update.js';
import { untilInterrupted, UsageError } from '../run-command.js';
import { openSession } from '../session.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

interface CaptureCommandOptions extends CaptureUpdateOptions {
  readonly update: boolean;
  readonly account?: string;
  readonly assumeRole?: string;
  readonly partition?: string;
  readonly namespace?: string;
  readonly kind: readonly string[];
  readonly name: readonly string[];
  readonly path?: string;
  readonly tag: readonly string[];
  readonly owner?: 'unowned' | 'ours';
  readonly directory: string;
  readonly format: CaptureFormat;
  readonly force: boolean;
}

/** Reads an account and writes it as a manifest. Writes nothing to AWS. */
export async function capture(options: CaptureCommandOptions): Promise<ExitCode> {
  const config = loadConfig();
  if (options.update) return captureUpdate(options, config);
  if (options.removed || options.check || options.everyEnvironment) {
    throw new UsageError('--removed, --check and --every-environment go with --update', 'give --update and --file');
  }
  const { directory, format, force } = options;
  if (directory === '') throw new UsageError('--directory names no folder', 'give one, or . for the working folder');
  const account = await accountOf(options, config);
  if (account === null) return ExitCode.Usage;
  const asked: CaptureOptions = {
    ...account,
    kinds: options.kind,
    names: options.name,
    path: options.path ?? null,
    tags: parseTags(options.tag),
    owner: options.owner ?? null,
    directory,
    format,
  };
  checkCaptureOptions(asked);
  if (!force) assertAbsent([{ path: `${CAPTURE_MANIFEST}.${format}` }], directory);
  await assertWritable(directory);
  const { files, report: found } = await ask(asked, options, config);
  const report = { ...found, otherFiles: await saveCapture(files, directory, { force }) };
  if (options.output === 'json') printJson(report);
  else
    print(
      wrapped(
        renderCapture(
          report,
          report.manifests.map((path) => join(directory, path)),
          filtersOf(options),
        ),
        process.stdout,
      ),
    );
  return captureExitCode(report);
}

/** Returns the account, and the names for it. Prints the problems of an invalid manifest and returns null. */
async function accountOf(
  options: CaptureCommandOptions,
  config: Config,
): Promise<Pick<CaptureOptions, 'target' | 'namespace' | 'environment'> | null> {
  const { file, environment = 'default', var: variables, output, namespace } = options;
  if (file.length === 0) {
    if (namespace !== undefined) return { target: targetOf(options), namespace, environment };
    throw new UsageError(
      'no namespace is named',
      'give the set of entities that the manifest is for with --namespace NAME',
    );
  }
  if (options.account !== undefined || options.assumeRole !== undefined || options.partition !== undefined) {
    throw new UsageError(
      '--account, --assume-role and --partition go without a manifest',
      'give either, or --file and --environment',
    );
  }
  const manifest = { file, var: variables, output, quiet: true, keepGoing: false, waitTimeout: 0 };
  const request = await loadManifestRequest(
    options.environment === undefined ? manifest : { ...manifest, environment: options.environment },
    config,
  );
  if (request === null) return null;
  return { target: request.target, namespace: namespace ?? request.namespace, environment: request.environment };
}

function targetOf({ account, assumeRole, partition }: CaptureCommandOptions): Target {
  if (assumeRole === undefined) {
    if (account !== undefined) return { account, partition: partition ?? 'aws' };
    throw new UsageError('no account is named', 'give it with --account ID, or a manifest with --file');
  }
  const role = targetOfRole(assumeRole);
  if (role === undefined) {
    throw new UsageError(`--assume-role ${assumeRole} is not the ARN of a role`, 'give arn:aws:iam::ACCOUNT:role/NAME');
  }
  if ((account ?? role.account) !== role.account || (partition ?? role.partition) !== role.partition) {
    throw new UsageError(`--assume-role ${assumeRole} is not in the account that is named`, 'correct one of both');
  }
  return role;
}

/** Returns the options that select entities, as they were given. */
function filtersOf({ kind, name, path, tag, owner }: CaptureCommandOptions): readonly string[] {
  return [
    ...kind.map((one) => `--kind ${one}`),
    ...name.map((one) => `--name ${one}`),
    ...(path === undefined ? [] : [`--path ${path}`]),
    ...tag.map((one) => `--tag ${one}`),
    ...(owner === undefined ? [] : [`--owner ${owner}`]),
  ];
}

/** Parses `key=value`, or keys for any value. */
function parseTags(texts: readonly string[]): CaptureFilter['tags'] {
  const tags = new Map<string, string | null>();
  for (const text of texts) {
    const separator = text.indexOf('=');
    const key = separator === -1 ? text : text.slice(0, separator);
    if (tags.has(key)) {
      throw new UsageError(`--tag ${key} is given twice`, 'an entity has a key once: name it with one value');
    }
    tags.set(key, separator === -1 ? null : text.slice(separator + 1));
  }
  return Object.fromEntries(tags);
}

async function ask(asked: CaptureOptions, options: CaptureCommandOptions, config: Config): Promise<Captured> {
  const interrupt = untilInterrupted();
  const session = await openSession(config, note);
  try {
    return await captureAccount(session.temporal, asked, {
      waitTimeoutMs: options.waitTimeout,
      signal: interrupt.signal,
      onEvent: (event) => {
        if (event.type === 'no-worker') note(`Waiting for a worker of task queue ${plain(event.taskQueue)}.`);
      },
    });
  } catch (error) {
    if (interrupt.signal.aborted) throw interrupt.signal.reason;
    throw await session.explain(error);
  } finally {
    interrupt.dispose();
    await session.close();
  }
}

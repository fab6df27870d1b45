import pc from 'picocolors';
import { loadRequest } from '../client/request.js';
import type { NamespaceReference } from '../client/runs.js';
import type { Config } from '../config/config.js';
import type { BootstrapRequest } from '../contract/request.js';
import { positionText, type Problem } from '../engine/manifest/problem.js';
import { counted } from '../report/text.js';
import { annotate, annotationsOfProblems } from './outputs.js';
import { UsageError } from './run-command.js';
import { note, plain } from './terminal.js';

/** Options that name a manifest. */
export interface ManifestOptions {
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly output: 'text' | 'json';
  readonly quiet?: boolean;
}

/** Options of commands that send a request. */
export interface RequestCommandOptions extends ManifestOptions {
  readonly adopt?: readonly string[];
  readonly deleteTrusted?: readonly string[];
  readonly removeUnmanaged?: boolean;
  readonly includeAdopted?: boolean;
  readonly keepGoing: boolean;
  readonly waitTimeout: number;
  readonly requestKey?: string;
  readonly requireApproval?: boolean;
  readonly approvalTimeout?: number;
  readonly revision?: number;
  readonly allowOlder?: boolean;
  readonly timeout?: number;
}

/** Loads the manifest as a request. Prints the problems of an invalid manifest and returns null. */
export async function loadManifestRequest(
  options: RequestCommandOptions,
  config: Config,
  command?: 'release' | 'destroy',
): Promise<BootstrapRequest | null> {
  const loaded = await loadRequest(options.file, {
    environment: options.environment,
    variables: options.var,
    adopt: options.adopt ?? [],
    deleteTrusted: options.deleteTrusted ?? [],
    removeUnmanaged: options.removeUnmanaged,
    includeAdopted: options.includeAdopted,
    command,
    keepGoing: options.keepGoing,
    pipeline: config.pipeline,
    requestKey: options.requestKey,
    ...(options.requireApproval === true && options.approvalTimeout !== undefined
      ? { approval: { timeoutMs: options.approvalTimeout } }
      : {}),
    revision: options.revision,
    allowOlder: options.allowOlder,
    timeoutMs: options.timeout,
  });
  if (options.quiet !== true) printWarnings(loaded.warnings);
  if (loaded.ok) return loaded.request;
  printProblems(loaded.problems, config);
  return null;
}

/** Prints warnings: valid input that may surprise. */
export function printWarnings(warnings: readonly Problem[]): void {
  for (const warning of warnings)
    note(`${pc.yellow('warning:')} ${plain(positionText(warning))}: ${plain(warning.message)}`);
}

/** Prints problems with their positions and remedies. */
export function printProblems(problems: readonly Problem[], config: Config): void {
  for (const problem of problems) {
    const where = problem.line > 0 || problem.path === '' ? '' : ` ${pc.dim(plain(problem.path))}`;
    note(`${pc.red('error:')} ${plain(positionText(problem))}:${where} ${plain(problem.message)}`);
    note(`  ${pc.dim('remedy:')} ${plain(problem.remedy)}`);
  }
  annotate(annotationsOfProblems(problems), config);
  note(`${counted(problems.length, 'problem')}. Nothing was sent to Temporal or AWS.`);
}

/** Options that name a run, by account and namespace or by manifest. */
export interface NamespaceOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly output: 'text' | 'json';
}

/** Returns the run that the options name. Prints the problems of an invalid manifest and returns null. */
export async function resolveNamespace(options: NamespaceOptions, config: Config): Promise<NamespaceReference | null> {
  const { account, namespace, file, run: runId } = options;
  if (account !== undefined && namespace !== undefined && file.length === 0) return { account, namespace, runId };
  if (account !== undefined || namespace !== undefined || file.length === 0) {
    throw new UsageError(
      'the options do not name one namespace',
      'give --account and --namespace, or --file and --environment',
    );
  }
  const request = await loadManifestRequest({ ...options, keepGoing: false, waitTimeout: 0, quiet: true }, config);
  return request === null ? null : { account: request.target.account, namespace: request.namespace, runId };
}

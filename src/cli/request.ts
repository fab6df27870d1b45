import { existsSync } from 'node:fs';
import pc from 'picocolors';
import { DEFAULT_MANIFEST } from '../client/init.js';
import { loadFleetRequest } from '../client/fleet-request.js';
import type { TemplateOptions } from '../client/cloudformation/template-options.js';
import { loadRequest } from '../client/request.js';
import type { FleetReference } from '../client/fleet/runs.js';
import type { NamespaceReference } from '../client/runs.js';
import type { Config } from '../config/config.js';
import type { OrphanPolicy } from '../contract/entity.js';
import { ExitCode } from '../contract/failures.js';
import type { FleetRequest } from '../contract/fleet.js';
import type { BootstrapRequest } from '../contract/request.js';
import { placeText, type Problem } from '../engine/manifest/problem.js';
import type { RefusedManifest } from '../engine/manifest/resolve.js';
import { counted } from '../report/text.js';
import { excerptOf } from './render/excerpt.js';
import { annotate, annotationsOfProblems, annotationsOfWarnings, type OutputOptions } from './outputs.js';
import { printFailure, UsageError } from './run-command.js';
import { note, plain, wrapped } from './terminal.js';

/** Options that name the stack of a template. */
export interface StackOptions {
  readonly account?: string;
  readonly assumeRole?: string;
  readonly namespace?: string;
  readonly region?: string;
  readonly stackName?: string;
  readonly parameter?: Readonly<Record<string, string>>;
  readonly resourceName?: Readonly<Record<string, string>>;
  readonly secret?: Readonly<Record<string, string>>;
}

/** Options that name a manifest. */
export interface ManifestOptions {
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly output: 'text' | 'json';
  readonly quiet?: boolean;
}

/** Options of commands that send a request. */
export interface RequestCommandOptions extends ManifestOptions, StackOptions {
  readonly adopt?: readonly string[];
  readonly deleteTrusted?: readonly string[];
  readonly removeUnmanaged?: boolean;
  readonly orphans?: OrphanPolicy;
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

/** Options of commands that send a request for an account or for a fleet. */
export interface FleetCommandOptions extends RequestCommandOptions {
  readonly fleet?: string;
  readonly accounts?: readonly string[];
  readonly approveWaves?: boolean;
  readonly retryFailed?: boolean;
}

/** Options of `plan`. */
export interface PlanOptions extends FleetCommandOptions, OutputOptions {
  readonly detailedExitcode: boolean;
}

/** Options of `apply`. */
export interface ApplyOptions extends FleetCommandOptions, OutputOptions {
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

/**
 * Returns the manifests that the options name, or else the one that `init` writes.
 *
 * @throws UsageError where neither is there
 */
export function manifestFiles(file: readonly string[]): readonly string[] {
  if (file.length > 0) return file;
  if (existsSync(DEFAULT_MANIFEST)) return [DEFAULT_MANIFEST];
  throw new UsageError(
    `no manifest is named, and this folder has no ${DEFAULT_MANIFEST}`,
    `name one with -f FILE, or write a first one with \`iam-bootstrap init\``,
  );
}

/** Returns the stack of the templates among the manifests. */
export function templateOptions(options: StackOptions): TemplateOptions {
  const { account, assumeRole, namespace, region, stackName, parameter, resourceName, secret } = options;
  const values = { parameters: parameter, names: resourceName, secrets: secret };
  return { account, assumeRole, namespace, region, stackName, ...values };
}

/** Loads the manifest as a request. Prints the problems of an invalid manifest and returns null. */
export async function loadManifestRequest(
  options: RequestCommandOptions,
  config: Config,
  command?: 'release' | 'destroy',
): Promise<BootstrapRequest | null> {
  const loaded = await loadRequest(manifestFiles(options.file), {
    environment: options.environment,
    variables: options.var,
    adopt: options.adopt ?? [],
    deleteTrusted: options.deleteTrusted ?? [],
    removeUnmanaged: options.removeUnmanaged,
    orphans: options.orphans,
    includeAdopted: options.includeAdopted,
    command,
    keepGoing: options.keepGoing,
    pipeline: config.pipeline,
    // Commands without these options name a run by its account and namespace.
    template: 'parameter' in options ? templateOptions(options) : undefined,
    requestKey: options.requestKey,
    ...(options.requireApproval === true && options.approvalTimeout !== undefined
      ? { approval: { timeoutMs: options.approvalTimeout } }
      : {}),
    revision: options.revision,
    allowOlder: options.allowOlder,
    timeoutMs: options.timeout,
  });
  return requestOf(loaded, options, config);
}

/** Loads the manifest as a request for a fleet. Prints the problems of an invalid manifest and returns null. */
export async function loadFleetManifest(
  options: FleetCommandOptions & { readonly fleet: string },
  config: Config,
  command: FleetRequest['command'],
): Promise<FleetRequest | null> {
  const loaded = await loadFleetRequest(manifestFiles(options.file), {
    fleet: options.fleet,
    command,
    approveWaves: options.approveWaves,
    only: options.accounts,
    variables: options.var,
    adopt: options.adopt ?? [],
    deleteTrusted: options.deleteTrusted ?? [],
    removeUnmanaged: options.removeUnmanaged,
    orphans: options.orphans,
    keepGoing: options.keepGoing,
    pipeline: config.pipeline,
    // Commands without these options name a run by its account and namespace.
    template: 'parameter' in options ? templateOptions(options) : undefined,
    requestKey: options.requestKey,
    revision: options.revision,
    allowOlder: options.allowOlder,
    timeoutMs: options.timeout,
  });
  return requestOf(loaded, options, config);
}

/** Returns a request that was loaded. Prints the problems of an invalid manifest and returns null. */
export function requestOf<T>(
  loaded: { readonly ok: true; readonly request: T; readonly warnings: readonly Problem[] } | RefusedManifest,
  { quiet, output }: Pick<ManifestOptions, 'quiet' | 'output'>,
  config: Config,
): T | null {
  if (quiet !== true) printWarnings(loaded.warnings, config);
  if (loaded.ok) return loaded.request;
  printProblems(loaded.problems, config);
  if (output === 'json') {
    const failure = { message: 'the manifest is invalid', remedy: 'correct its problems', exitCode: ExitCode.Usage };
    printFailure(failure, loaded.problems);
  }
  return null;
}

/** Prints warnings with their positions and remedies: valid input that may surprise. */
export function printWarnings(warnings: readonly Problem[], config: Pick<Config, 'github'>): void {
  for (const warning of warnings) {
    noteWrapped(`${pc.yellow('warning:')} ${plain(placeText(warning))}: ${plain(warning.message)}`);
    printSource(warning);
    noteWrapped(`  ${pc.dim('remedy:')} ${plain(warning.remedy)}`);
  }
  annotate(annotationsOfWarnings(warnings), config);
}

/** Prints problems with their positions and remedies. */
export function printProblems(problems: readonly Problem[], config: Config): void {
  for (const problem of problems) {
    noteWrapped(`${pc.red('error:')} ${plain(placeText(problem))}: ${plain(problem.message)}`);
    printSource(problem);
    noteWrapped(`  ${pc.dim('remedy:')} ${plain(problem.remedy)}`);
  }
  annotate(annotationsOfProblems(problems), config);
  note(`${counted(problems.length, 'problem')}. Nothing was sent to Temporal or AWS.`);
}

function noteWrapped(line: string): void {
  note(wrapped(line, process.stderr));
}

function printSource(problem: Problem): void {
  for (const line of excerptOf(problem)) note(`  ${pc.dim(line)}`);
}

/** Options that name a run, by account and namespace or by manifest. */
export interface NamespaceOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly fleet?: string;
  readonly output: 'text' | 'json';
}

/** Returns the fleet that the options name. Prints the problems of an invalid manifest and returns null. */
export async function resolveFleetReference(
  { fleet, ...options }: NamespaceOptions & { readonly fleet: string },
  config: Config,
): Promise<FleetReference | null> {
  const { account, namespace, run, file } = options;
  if (account !== undefined || run !== undefined) {
    throw new UsageError('--fleet goes without --account and --run', 'give --namespace, or a manifest with --file');
  }
  if (namespace !== undefined && file.length === 0) return { namespace, fleet };
  const request = await loadFleetManifest(
    { ...options, fleet, keepGoing: false, waitTimeout: 0, quiet: true },
    config,
    'plan',
  );
  return request === null ? null : { namespace: request.namespace, fleet };
}

/** Returns the run that the options name. Prints the problems of an invalid manifest and returns null. */
export async function resolveNamespace(options: NamespaceOptions, config: Config): Promise<NamespaceReference | null> {
  const { account, namespace, file, run: runId } = options;
  if (account !== undefined && namespace !== undefined && file.length === 0) return { account, namespace, runId };
  const hasManifest = file.length > 0 || existsSync(DEFAULT_MANIFEST);
  if (account !== undefined || namespace !== undefined || !hasManifest) {
    throw new UsageError(
      'the options do not name one namespace',
      `give --account and --namespace, or a manifest with --file; without options, ${DEFAULT_MANIFEST} is read`,
    );
  }
  const request = await loadManifestRequest({ ...options, keepGoing: false, waitTimeout: 0, quiet: true }, config);
  return request === null ? null : { account: request.target.account, namespace: request.namespace, runId };
}

/** Options of `cancel`. */
export interface CancelOptions extends NamespaceOptions {
  readonly as?: string;
  readonly reason?: string;
  readonly waitTimeout: number;
  /** False for `--no-wait`. */
  readonly wait: boolean;
  readonly quiet?: boolean;
}

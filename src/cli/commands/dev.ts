import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pc from 'picocolors';
import { DEFAULT_MANIFEST } from '../../client/init.js';
import { validate } from '../../client/request.js';
import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { type Prepared, prepareServers } from '../../embedded/prepare.js';
import { acquireEmbeddedServer } from '../../embedded/runtime.js';
import { sandboxVariables, startSandbox } from '../../embedded/sandbox.js';
import { SANDBOX_DATABASE, withSandboxDatabase } from '../../embedded/sandbox-database.js';
import { withStateKeys } from '../../embedded/state-keys.js';
import { startTemporalServer } from '../../embedded/temporal-server.js';
import { shellWord } from '../../report/shell-word.js';
import { ownCommand, packageFile } from '../own-command.js';
import { interruption } from '../run-command.js';
import { note, plain, print } from '../terminal.js';
import { startUiCodec } from './ui-codec.js';

/** Temporal's own default ports. */
const PORT = 7233;
const UI_PORT = 8233;

/** The account of the sandbox, which the examples name. */
const SANDBOX_ACCOUNT = '111111111111';

interface DevOptions {
  readonly sandbox: boolean;
  readonly port?: number;
  readonly uiPort?: number;
  readonly temporalCli?: string;
}

interface Running {
  readonly exited: Promise<unknown>;
  stop(): Promise<unknown>;
}

/** A Temporal server for development. */
interface DevServer extends Running {
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly databaseFile: string;
  readonly logFile: string;
}

type Variables = Readonly<Record<string, string>>;

/** Runs Temporal, its UI, a worker and, with `--sandbox`, the IAM sandbox, until it is interrupted. */
export async function dev(options: DevOptions): Promise<ExitCode> {
  const config = loadConfig();
  const run = (): Promise<ExitCode> => runServers(config, options);
  return options.sandbox ? withSandboxDatabase(config.stateDirectory, run, note) : run();
}

async function runServers(config: Config, options: DevOptions): Promise<ExitCode> {
  const { temporalCli, sandbox: hasSandbox } = options;
  const prepared = await prepareServers(config, { temporalCli, sandbox: hasSandbox, announce: note });
  const { permitKeyFile, requestKeyFile } = await withStateKeys(config, note);
  const running: { stop(): Promise<unknown> }[] = [];
  try {
    const codec = await startUiCodec(config, options.uiPort ?? UI_PORT);
    if (codec !== undefined) running.unshift({ stop: () => codec.close() });
    const server = hasSandbox
      ? await startServer(config, options, prepared, codec?.url)
      : await shareEmbeddedServer(config, options, prepared, codec?.url);
    running.unshift(server);
    const sandbox = hasSandbox
      ? await startSandbox({ python: prepared.python, account: SANDBOX_ACCOUNT, environment: config.environment })
      : undefined;
    if (sandbox !== undefined) running.unshift(sandbox);
    const worker = startWorkerProcess(config, {
      ...workerVariables(config, server, { permitKeyFile, requestKeyFile }),
      ...(sandbox === undefined ? {} : sandboxVariables(sandbox.url)),
    });
    running.unshift(worker);

    print(`${pc.bold('Temporal')}     ${server.address}`);
    print(`${pc.bold('Temporal UI')}  ${server.uiUrl ?? 'not available'}`);
    if (sandbox !== undefined) print(`${pc.bold('IAM sandbox')}  ${sandbox.url}, account ${SANDBOX_ACCOUNT}`);
    print(`${pc.bold('Worker')}       process ${String(worker.pid)}`);
    print('\nIn another terminal:\n\n');
    print(`  export TEMPORAL_ADDRESS=${server.address}`);
    const next = (await nextLines(config, hasSandbox)).map((line) => `  ${line}`);
    for (const line of [...stateLines(config), ...next, ...keyLines(requestKeyFile)]) print(line);
    print(`\nPress Ctrl-C to stop. Temporal keeps its data in ${server.databaseFile}.`);
    if (sandbox !== undefined) print('The IAM sandbox keeps its account in memory: it is empty at the next start.');

    const stopped = await Promise.race([
      interruption().then(() => null),
      worker.exited.then(() => 'the worker stopped'),
      server.exited.then(() => 'the Temporal server stopped'),
    ]);
    if (stopped === null) return ExitCode.Converged;
    note(`${pc.red('error:')} ${stopped}; see the lines above and ${server.logFile}`);
    return ExitCode.Failed;
  } finally {
    for (const server of running) await server.stop();
  }
}

/** Returns the variables by which the worker finds the server and the state folder. */
function workerVariables(
  { secretsFolder, stateDirectory }: Config,
  { address, uiUrl }: DevServer,
  { permitKeyFile, requestKeyFile }: Pick<Config, 'permitKeyFile' | 'requestKeyFile'>,
): Variables {
  return {
    TEMPORAL_ADDRESS: address,
    ...(permitKeyFile === undefined ? {} : { IAM_BOOTSTRAP_PERMIT_KEY_FILE: permitKeyFile }),
    ...(requestKeyFile === undefined ? {} : { IAM_BOOTSTRAP_REQUEST_KEY_FILE: requestKeyFile }),
    IAM_BOOTSTRAP_SECRETS: secretsFolder ?? join(stateDirectory, 'secrets'),
    ...(uiUrl === undefined ? {} : { IAM_BOOTSTRAP_UI_URL: uiUrl }),
  };
}

/** Starts a server on a database of its own: runs against the sandbox and runs against AWS must not meet. */
async function startServer(
  { environment, stateDirectory }: Config,
  { port = PORT, uiPort = UI_PORT }: DevOptions,
  { cli }: Prepared,
  codecEndpoint: string | undefined,
): Promise<DevServer> {
  const databaseFile = join(stateDirectory, SANDBOX_DATABASE);
  const logFile = join(stateDirectory, 'dev-server.log');
  const searchAttributes = SEARCH_ATTRIBUTES;
  const server = await startTemporalServer({
    ...{ cli, port, uiPort, databaseFile, searchAttributes, logFile, environment, codecEndpoint },
  });
  const { address, uiUrl, exited } = server;
  return { address, uiUrl, exited, databaseFile, logFile, stop: () => server.stop() };
}

/** Starts or joins the server of the commands that run without one, so that its UI shows their runs. */
async function shareEmbeddedServer(
  { environment, stateDirectory }: Config,
  { port = PORT, uiPort = UI_PORT }: DevOptions,
  { cli }: Prepared,
  codecEndpoint: string | undefined,
): Promise<DevServer> {
  const server = await acquireEmbeddedServer({
    stateDirectory,
    cli: () => Promise.resolve(cli),
    searchAttributes: SEARCH_ATTRIBUTES,
    ports: { server: port, ui: uiPort },
    environment,
    announce: note,
    codecEndpoint,
  });
  const { address, uiUrl } = server;
  return {
    address,
    uiUrl,
    databaseFile: join(stateDirectory, 'temporal.db'),
    logFile: join(stateDirectory, 'temporal.log'),
    // It is started again where it ends.
    exited: new Promise(() => undefined),
    stop: () => server.release(),
  };
}

/** Returns how a command finds the keys of a state folder that is not the usual one. */
function stateLines({ environment, stateDirectory }: Config): readonly string[] {
  if (environment['IAM_BOOTSTRAP_STATE'] === undefined) return [];
  return [`  export IAM_BOOTSTRAP_STATE=${shellWord(resolve(stateDirectory))}`];
}

/** Returns how a command in another folder gets the key that the worker asks for. */
function keyLines(file: string | undefined): readonly string[] {
  if (file === undefined) return [];
  return ['In another folder, also:', `  export IAM_BOOTSTRAP_REQUEST_KEY_FILE=${shellWord(resolve(file))}`];
}

/** Returns the commands to type next, for files that are in the working folder. */
async function nextLines({ pipeline }: Config, hasSandbox: boolean): Promise<readonly string[]> {
  const command = ownCommand();
  if (existsSync(DEFAULT_MANIFEST)) {
    const { ok, resolved } = await validate([DEFAULT_MANIFEST], { variables: {}, pipeline });
    const requests = resolved.map(({ request }) => request);
    const { environment } =
      requests.find(({ target }) => target.account === SANDBOX_ACCOUNT && hasSandbox) ?? requests[0] ?? {};
    return [ok ? `${command} plan --environment ${plain(environment ?? '')}` : `${command} validate`];
  }
  if (!hasSandbox) return [`${command} init`];
  return [`${command} plan --environment dev \\`, `  -f ${packageFile('examples/first.yaml')}`];
}

/** Starts the worker in a process of its own, as in production: it can be killed and restarted alone. */
function startWorkerProcess(
  { environment }: Config,
  variables: Variables,
): Running & { readonly pid: number | undefined } {
  const worker = spawn(process.execPath, [process.argv[1] ?? '', 'worker'], {
    env: { ...environment, ...variables },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(worker, 'exit');
  return {
    pid: worker.pid,
    exited,
    stop: () => {
      worker.kill('SIGTERM');
      return exited;
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pc from 'picocolors';
import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { sandboxPython, startSandbox } from '../../embedded/sandbox.js';
import { findTemporalCli } from '../../embedded/temporal-cli.js';
import { startTemporalServer } from '../../embedded/temporal-server.js';
import { interruption } from '../run-command.js';
import { note, print } from '../terminal.js';

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

type Variables = Readonly<Record<string, string>>;

/** Runs Temporal, its UI, a worker and, with `--sandbox`, the IAM sandbox, until it is interrupted. */
export async function dev(options: DevOptions): Promise<ExitCode> {
  const config = loadConfig();
  const { stateDirectory } = config;
  const running: { stop(): Promise<unknown> }[] = [];
  try {
    const server = await startServer(config, options);
    running.unshift(server);
    const sandbox = options.sandbox ? await startIamSandbox(config) : undefined;
    if (sandbox !== undefined) running.unshift(sandbox);
    const worker = startWorkerProcess(config, {
      TEMPORAL_ADDRESS: server.address,
      IAM_BOOTSTRAP_SECRETS: config.secretsFolder ?? join(stateDirectory, 'secrets'),
      ...(server.uiUrl === undefined ? {} : { IAM_BOOTSTRAP_UI_URL: server.uiUrl }),
      ...sandbox?.variables,
    });
    running.unshift(worker);

    print(`${pc.bold('Temporal')}     ${server.address}`);
    print(`${pc.bold('Temporal UI')}  ${server.uiUrl ?? 'not available'}`);
    if (sandbox !== undefined) print(`${pc.bold('IAM sandbox')}  ${sandbox.url}, account ${SANDBOX_ACCOUNT}`);
    print(`${pc.bold('Worker')}       process ${String(worker.pid)}\n`);
    print('In another terminal:\n');
    print(`  export TEMPORAL_ADDRESS=${server.address}`);
    print('  npx --no-install iam-bootstrap plan -f examples/first.yaml --environment dev\n');
    print(`Press Ctrl-C to stop. Temporal keeps its data in ${join(stateDirectory, 'dev.db')}.`);
    if (sandbox !== undefined) print('The IAM sandbox keeps its account in memory: it is empty at the next start.');

    const stopped = await Promise.race([
      interruption().then(() => null),
      worker.exited.then(() => 'the worker stopped'),
      server.exited.then(() => 'the Temporal server stopped'),
    ]);
    if (stopped === null) return ExitCode.Converged;
    note(`${pc.red('error:')} ${stopped}; see the lines above and ${join(stateDirectory, 'dev-server.log')}`);
    return ExitCode.Failed;
  } finally {
    for (const server of running) await server.stop();
  }
}

async function startServer(config: Config, options: DevOptions): ReturnType<typeof startTemporalServer> {
  const { cacheDirectory, environment, stateDirectory } = config;
  const path = options.temporalCli ?? config.temporalCli;
  const cli = await findTemporalCli({ path, cacheDirectory, environment, announce: note });
  return startTemporalServer({
    cli: cli.path,
    port: options.port ?? PORT,
    uiPort: options.uiPort ?? UI_PORT,
    databaseFile: join(stateDirectory, 'dev.db'),
    searchAttributes: SEARCH_ATTRIBUTES,
    logFile: join(stateDirectory, 'dev-server.log'),
    environment,
  });
}

/** Starts the IAM sandbox, with the variables by which a worker uses it in place of AWS. */
async function startIamSandbox({
  cacheDirectory,
  environment,
}: Config): Promise<{ readonly url: string; readonly variables: Variables; stop(): Promise<unknown> }> {
  const python = await sandboxPython({ cacheDirectory, environment, announce: note });
  const sandbox = await startSandbox({ python, account: SANDBOX_ACCOUNT, environment });
  const services = ['IAM', 'STS', 'SECRETS_MANAGER', 'CLOUDTRAIL'];
  const variables = {
    ...Object.fromEntries(services.map((service) => [`AWS_ENDPOINT_URL_${service}`, sandbox.url])),
    AWS_ACCESS_KEY_ID: 'sandbox',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
  };
  return { url: sandbox.url, variables, stop: () => sandbox.stop() };
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

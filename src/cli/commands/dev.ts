import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pc from 'picocolors';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.js';
import { sandboxPython, startSandbox } from '../../embedded/sandbox.js';
import { findTemporalCli } from '../../embedded/temporal-cli.js';
import { startTemporalServer } from '../../embedded/temporal-server.js';
import { interruption } from '../signals.js';
import { note, print } from '../terminal.js';

/** Temporal's own default ports. */
const PORT = 7233;
const UI_PORT = 8233;

/** The account that the sandbox is, and the examples name. */
const SANDBOX_ACCOUNT = '111111111111';

/** Options of `dev`. */
export interface DevOptions {
  readonly sandbox: boolean;
  readonly port?: number;
  readonly uiPort?: number;
  readonly temporalCli?: string;
}

/** Runs Temporal, its UI, a worker and, where asked for, the IAM sandbox, until it is interrupted. */
export async function dev(options: DevOptions): Promise<ExitCode> {
  const config = loadConfig();
  const { cacheDirectory, environment, secretsFolder, stateDirectory } = config;
  const stopping: (() => Promise<unknown>)[] = [];
  try {
    const cli = await findTemporalCli({
      path: options.temporalCli ?? config.temporalCli,
      cacheDirectory,
      environment,
      announce: note,
    });
    const server = await startTemporalServer({
      cli: cli.path,
      port: options.port ?? PORT,
      uiPort: options.uiPort ?? UI_PORT,
      databaseFile: join(stateDirectory, 'dev.db'),
      searchAttributes: SEARCH_ATTRIBUTES,
      logFile: join(stateDirectory, 'dev-server.log'),
      environment,
    });
    stopping.unshift(() => server.stop());

    const settings: Record<string, string> = {
      TEMPORAL_ADDRESS: server.address,
      IAM_BOOTSTRAP_SECRETS: secretsFolder ?? join(stateDirectory, 'secrets'),
    };
    if (server.uiUrl !== undefined) settings['IAM_BOOTSTRAP_UI_URL'] = server.uiUrl;
    if (options.sandbox) {
      const python = await sandboxPython({ cacheDirectory, environment, announce: note });
      const sandbox = await startSandbox({ python, account: SANDBOX_ACCOUNT, environment });
      stopping.unshift(() => sandbox.stop());
      settings['AWS_ENDPOINT_URL_IAM'] = sandbox.url;
      settings['AWS_ENDPOINT_URL_STS'] = sandbox.url;
      settings['AWS_ENDPOINT_URL_SECRETS_MANAGER'] = sandbox.url;
      settings['AWS_ENDPOINT_URL_CLOUDTRAIL'] = sandbox.url;
      settings['AWS_ACCESS_KEY_ID'] = 'sandbox';
      settings['AWS_SECRET_ACCESS_KEY'] = 'sandbox';
    }

    // A process of its own, as in production: it can be killed and started again without the rest.
    const worker = spawn(process.execPath, [process.argv[1] ?? '', 'worker'], {
      env: { ...environment, ...settings },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(worker, 'exit');
    stopping.unshift(() => {
      worker.kill('SIGTERM');
      return ended;
    });

    print(`${pc.bold('Temporal')}     ${server.address}`);
    print(`${pc.bold('Temporal UI')}  ${server.uiUrl ?? 'none'}`);
    if (options.sandbox)
      print(`${pc.bold('IAM sandbox')}  ${settings['AWS_ENDPOINT_URL_IAM'] ?? ''}, account ${SANDBOX_ACCOUNT}`);
    print(`${pc.bold('worker')}       process ${String(worker.pid)}\n`);
    print('In another terminal:\n');
    print(`  export TEMPORAL_ADDRESS=${server.address}`);
    print('  npx iam-bootstrap plan -f examples/first.yaml --environment dev\n');
    print('Ctrl-C ends all of it; what Temporal knows stays in ' + join(stateDirectory, 'dev.db'));

    const first = await Promise.race([
      interruption().then(() => null),
      ended.then(() => 'the worker has ended'),
      server.exited.then(() => 'the Temporal server has ended'),
    ]);
    if (first === null) return ExitCode.Converged;
    note(`${pc.red('error:')} ${first}; see the lines above, and ${join(stateDirectory, 'dev-server.log')}`);
    return ExitCode.Failed;
  } finally {
    for (const stop of stopping) await stop();
  }
}

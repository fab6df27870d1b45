import { realpathSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { once } from 'node:events';
import pc from 'picocolors';
import { CI_SERVICES, findCi, init as write, namespaceFor, repositoryRoot } from '../../client/init.js';
import type { CiService } from '../../client/init.js';
import { ExitCode } from '../../contract/failures.js';
import { InterruptedError, UsageError } from '../errors.js';
import { plain, print } from '../terminal.js';

/** Options of `init`. */
export interface InitOptions {
  readonly ci?: CiService;
  readonly ciFile?: string;
  readonly namespace?: string;
  readonly devAccount?: string;
  readonly prodAccount?: string;
  readonly force: boolean;
}

/** What each service has to be told once, before its first job can reach Temporal. */
const NEXT: Readonly<Record<CiService, string>> = {
  github: 'set the variables TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and VAULT_ADDR, or the secret TEMPORAL_API_KEY',
  gitlab: 'set the variables TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and VAULT_SERVER_URL, or TEMPORAL_API_KEY',
  jenkins: "put your server's address into the file, and make the credential temporal-api-key",
  buildkite: "put your server's address into the file, and make the secret TEMPORAL_API_KEY",
};

/** Writes a first manifest and a CI file; asks for what it was not told, on a terminal only. */
export async function init(options: InitOptions): Promise<ExitCode> {
  const directory = process.cwd();
  const root = await repositoryRoot(directory);
  if (root !== undefined && realpathSync(root) !== realpathSync(directory)) {
    throw new UsageError(`this is a folder of the repository ${root}, and CI services look at its root`, `cd ${root}`);
  }
  const ask = asker();
  try {
    const ci =
      options.ci ?? (await findCi(directory)) ?? serviceOf(await ask('--ci', `CI service (${CI_SERVICES.join(', ')})`));
    const namespace =
      options.namespace ??
      (await ask('--namespace', 'namespace, the owner of what is declared', namespaceFor(directory)));
    const dev = options.devAccount ?? (await ask('--dev-account', 'AWS account of dev, twelve digits'));
    const prod = options.prodAccount ?? (await ask('--prod-account', 'AWS account of prod', dev));
    const { ciFile, force } = options;
    for (const path of await write({ directory, ci, ciFile, namespace, accounts: { dev, prod }, force })) {
      print(`${pc.green('wrote')} ${plain(path)}`);
    }
    print(`
Next:
  npm install --save-dev iam-bootstrap
  npx iam-bootstrap validate -f iam/bootstrap.yaml
  ${NEXT[ci]}
How the pieces work together: node_modules/iam-bootstrap/docs/ci.md`);
    return ExitCode.Converged;
  } finally {
    ask.close();
  }
}

function serviceOf(answer: string): CiService {
  const found = CI_SERVICES.find((one) => one === answer);
  if (found !== undefined) return found;
  throw new UsageError(`there is no recipe for ${answer}`, `name one of ${CI_SERVICES.join(', ')}`);
}

/** Asks a person for what an option did not say; without a terminal, the default, or an error that names the option. */
function asker(): ((option: string, question: string, usual?: string) => Promise<string>) & { close(): void } {
  const terminal =
    process.stdin.isTTY && process.stderr.isTTY
      ? createInterface({ input: process.stdin, output: process.stderr })
      : undefined;
  // Ctrl-C and Ctrl-D close it, and the question would never be answered.
  const closed = terminal === undefined ? undefined : once(terminal, 'close');
  const ask = async (option: string, question: string, usual?: string): Promise<string> => {
    if (terminal === undefined || closed === undefined) {
      if (usual !== undefined) return usual;
      throw new UsageError(`${option} is not given, and there is no terminal to ask on`, `give ${option}`);
    }
    const said = `${question}${usual === undefined ? '' : ` [${plain(usual)}]`}: `;
    const answer = await Promise.race([terminal.question(said).catch(() => undefined), closed.then(() => undefined)]);
    if (answer === undefined) throw new InterruptedError('interrupted: nothing was written', 'run it again');
    return answer.trim() === '' && usual !== undefined ? usual : answer.trim();
  };
  return Object.assign(ask, { close: () => terminal?.close() });
}

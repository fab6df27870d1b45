import { realpathSync } from 'node:fs';
import pc from 'picocolors';
import { CI_SERVICES, findCi, init as writeFiles, namespaceFor, repositoryRoot } from '../../client/init.js';
import type { CiService } from '../../client/init.js';
import { PACKAGE } from '../../client/package.js';
import { ExitCode } from '../../contract/failures.js';
import { InterruptedError, UsageError } from '../run-command.js';
import { openPrompt, plain, print } from '../terminal.js';

interface InitOptions {
  readonly ci?: CiService;
  readonly ciFile?: string;
  readonly namespace?: string;
  readonly devAccount?: string;
  readonly prodAccount?: string;
  readonly force: boolean;
}

/** The one-time setup that a service needs before its first job can reach Temporal. */
const CI_SETUP: Readonly<Record<CiService, string>> = {
  github: 'Set the variables TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and VAULT_ADDR, or the secret TEMPORAL_API_KEY.',
  gitlab: 'Set the variables TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and VAULT_SERVER_URL, or TEMPORAL_API_KEY.',
  jenkins: "Put your server's address into the file, and create the credential temporal-api-key.",
  buildkite: "Put your server's address into the file, and create the secret TEMPORAL_API_KEY.",
};

/** Writes a first manifest and a CI file. On a terminal, asks for what the options leave out. */
export async function init(options: InitOptions): Promise<ExitCode> {
  const directory = process.cwd();
  const root = await repositoryRoot(directory);
  if (root !== undefined && realpathSync(root) !== realpathSync(directory)) {
    throw new UsageError(
      `this folder is not the root of its repository, where CI services look: ${root}`,
      `cd ${root}`,
    );
  }
  const questions = openQuestions();
  const { ask } = questions;
  try {
    const ci =
      options.ci ?? (await findCi(directory)) ?? toService(await ask('--ci', `CI service (${CI_SERVICES.join(', ')})`));
    const namespace =
      options.namespace ??
      (await ask('--namespace', 'Namespace, the owner of the declared entities', namespaceFor(directory)));
    const dev = options.devAccount ?? (await ask('--dev-account', 'AWS account of dev, 12 digits'));
    const prod = options.prodAccount ?? (await ask('--prod-account', 'AWS account of prod', dev));
    const { ciFile, force } = options;
    for (const path of await writeFiles({ directory, ci, ciFile, namespace, accounts: { dev, prod }, force })) {
      print(`${pc.green('wrote')} ${plain(path)}`);
    }
    print(`
Next:
  npm install --save-dev --save-exact ${PACKAGE.name}
  npx --no-install iam-bootstrap validate -f iam/bootstrap.yaml
${CI_SETUP[ci]}
Guide: node_modules/${PACKAGE.name}/docs/ci.md`);
    return ExitCode.Converged;
  } finally {
    questions.close();
  }
}

function toService(answer: string): CiService {
  const service = CI_SERVICES.find((name) => name === answer);
  if (service !== undefined) return service;
  throw new UsageError(`unknown CI service: ${answer}`, `choose one of ${CI_SERVICES.join(', ')}`);
}

interface Questions {
  /** Asks for the value of an option. Without a terminal it returns the default, or throws if there is no default. */
  readonly ask: (option: string, question: string, fallback?: string) => Promise<string>;
  readonly close: () => void;
}

function openQuestions(): Questions {
  const prompt = process.stdin.isTTY && process.stderr.isTTY ? openPrompt() : undefined;
  return {
    ask: async (option, question, fallback) => {
      if (prompt === undefined) {
        if (fallback !== undefined) return fallback;
        throw new UsageError(`${option} is missing, and there is no terminal to ask on`, `add ${option}`);
      }
      const answer = await prompt.ask(`${question}${fallback === undefined ? '' : ` [${plain(fallback)}]`}: `);
      if (answer === undefined) throw new InterruptedError('SIGINT', '; nothing was written', 'run it again');
      return answer === '' && fallback !== undefined ? fallback : answer;
    },
    close: () => prompt?.close(),
  };
}

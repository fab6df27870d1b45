import { realpathSync } from 'node:fs';
import pc from 'picocolors';
import {
  accountProblem,
  CI_SERVICES,
  ciServiceProblem,
  findCi,
  init as writeFiles,
  type InitError,
  namespaceFor,
  namespaceProblem,
  repositoryRoot,
} from '../../client/init.js';
import type { CiService } from '../../client/init.js';
import { PACKAGE } from '../../client/package.js';
import { ExitCode } from '../../contract/failures.js';
import { InterruptedError, UsageError } from '../run-command.js';
import { ownCommand } from '../own-command.js';
import { openPrompt, plain, print, printError } from '../terminal.js';

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
      options.ci ??
      (await findCi(directory)) ??
      ((await ask('--ci', `CI service (${CI_SERVICES.join(', ')})`, ciServiceProblem)) as CiService);
    const namespace =
      options.namespace ??
      (await ask(
        '--namespace',
        'Namespace, the owner of the declared entities',
        namespaceProblem,
        namespaceFor(directory),
      ));
    const isAccount = (environment: string) => (text: string) => accountProblem(environment, text);
    const dev = options.devAccount ?? (await ask('--dev-account', 'AWS account of dev, 12 digits', isAccount('dev')));
    const prod = options.prodAccount ?? (await ask('--prod-account', 'AWS account of prod', isAccount('prod'), dev));
    const { ciFile, force } = options;
    for (const path of await writeFiles({ directory, ci, ciFile, namespace, accounts: { dev, prod }, force })) {
      print(`${pc.green('wrote')} ${plain(path)}`);
    }
    print(`
Next:
${nextCommands()}

${CI_SETUP[ci]}
Guide: node_modules/${PACKAGE.name}/docs/ci.md`);
    return ExitCode.Converged;
  } finally {
    questions.close();
  }
}

/** Returns the commands to type next: the package is installed first where it is not in reach of npx. */
function nextCommands(): string {
  const command = ownCommand();
  const isInstalled = command.startsWith('npx ');
  return [
    ...(isInstalled ? [] : [`  npm install --save-dev --save-exact ${PACKAGE.name}`]),
    `  ${isInstalled ? command : 'npx --no-install iam-bootstrap'} validate`,
  ].join('\n');
}

interface Questions {
  /**
   * Asks for the value of an option, again where the answer is wrong. Enter takes the default. Without a terminal it
   * returns the default, or throws if there is no default.
   */
  readonly ask: (
    option: string,
    question: string,
    problemOf: (answer: string) => InitError | undefined,
    fallback?: string,
  ) => Promise<string>;
  readonly close: () => void;
}

function openQuestions(): Questions {
  const prompt = process.stdin.isTTY && process.stderr.isTTY ? openPrompt() : undefined;
  return {
    ask: async (option, question, problemOf, fallback) => {
      if (prompt === undefined) {
        if (fallback !== undefined) return fallback;
        throw new UsageError(`${option} is missing, and there is no terminal to ask on`, `add ${option}`);
      }
      for (;;) {
        const answer = await prompt.ask(`${question}${fallback === undefined ? '' : ` [${plain(fallback)}]`}: `);
        if (answer === undefined) throw new InterruptedError('SIGINT', '; nothing was written', 'run it again');
        const value = answer === '' && fallback !== undefined ? fallback : answer;
        const problem = problemOf(value);
        if (problem === undefined) return value;
        printError(problem.message, problem.remedy);
      }
    },
    close: () => prompt?.close(),
  };
}

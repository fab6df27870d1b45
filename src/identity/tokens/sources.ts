import { readFile } from 'node:fs/promises';
import { ExitCode } from '../../contract/failures.js';
import { ciSource } from './ci-sources.js';
import { IdTokenError, quoted } from './id-token-error.js';
import { runProgram } from './program.js';
import { type SourceContext, type TokenSource, variableSource } from './token-source.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the source of tokens in an environment: what its variables name, else its CI service. Undefined without one. */
export function tokenSource(context: SourceContext): TokenSource | undefined {
  const { environment } = context;
  const file = environment['IAM_BOOTSTRAP_ID_TOKEN_FILE'];
  if (file !== undefined) return fileSource(file);
  const token = environment['IAM_BOOTSTRAP_ID_TOKEN'];
  if (token !== undefined) return variableSource('IAM_BOOTSTRAP_ID_TOKEN', token);
  const command = environment['IAM_BOOTSTRAP_ID_TOKEN_COMMAND'];
  if (command !== undefined) return commandSource(command, environment);
  return ciSource(context);
}

/** The token in a file, which another program may renew. */
function fileSource(path: string): TokenSource {
  const title = 'IAM_BOOTSTRAP_ID_TOKEN_FILE';
  return {
    title,
    choosesAudience: false,
    token: async () => {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        const { code = 'unknown' } = error as NodeJS.ErrnoException;
        throw new IdTokenError(
          `${title}=${path} cannot be read: ${code}`,
          'name a file with an ID token, or unset the variable',
          ExitCode.Usage,
          { cause: error },
        );
      }
      return text.trim();
    },
  };
}

/** The command that prints a token for the audience in its environment. */
function commandSource(command: string, environment: Environment): TokenSource {
  const title = 'IAM_BOOTSTRAP_ID_TOKEN_COMMAND';
  return {
    title,
    choosesAudience: true,
    token: async (audience, signal) => {
      const [file, args] = process.platform === 'win32' ? ['cmd.exe', ['/d', '/c']] : ['/bin/sh', ['-c']];
      const variables = { ...environment, IAM_BOOTSTRAP_ID_TOKEN_AUDIENCE: audience };
      const result = await runProgram({ file, args: [...args, command], environment: variables }, signal);
      if (result.ok) return result.output;
      signal?.throwIfAborted();
      const said = quoted(result.stderr);
      throw new IdTokenError(
        `the command of ${title} gave no token: ${result.reason}${said === '' ? '' : `: ${said}`}`,
        'have it print an ID token for the audience in IAM_BOOTSTRAP_ID_TOKEN_AUDIENCE and nothing else',
        ExitCode.Usage,
      );
    },
  };
}

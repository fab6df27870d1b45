import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { convertTemplate } from '../../client/cloudformation/convert.js';
import { countsText, namespaceProblem, templateNamespace } from '../../client/cloudformation/source.js';
import { fileErrorText, readTextFile } from '../../client/manifest/load.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { writeErrorText } from '../../files/write-error.js';
import { ENVIRONMENT_NAME, ENVIRONMENT_NAME_TEXT } from '../../engine/manifest/names.js';
import { counted } from '../../report/text.js';
import { printProblems, printWarnings, type StackOptions } from '../request.js';
import { UsageError } from '../run-command.js';
import { note, plain, print, wrapped } from '../terminal.js';

interface ConvertOptions extends StackOptions {
  readonly environment: string;
  readonly output?: string;
}

/** The output that stands for standard output. */
const STANDARD_OUTPUT = '-';

/** Converts a CloudFormation template to a manifest. */
export async function convert(file: string, options: ConvertOptions): Promise<ExitCode> {
  const { account, assumeRole, namespace, region, stackName, environment, output } = options;
  if (account === undefined) {
    throw new UsageError('no account is named', 'give the account of the stack with --account ID');
  }
  if (!ENVIRONMENT_NAME.test(environment)) {
    throw new UsageError(`--environment ${environment} is not a name`, ENVIRONMENT_NAME_TEXT);
  }
  const name = templateNamespace(file, { namespace, stackName });
  if (name === undefined) {
    const { message, remedy } = namespaceProblem(file, namespace);
    throw new UsageError(message, remedy);
  }
  const result = convertTemplate(file, read(file), {
    account,
    region,
    stackName,
    environment,
    namespace: name,
    assumeRole,
    parameters: options.parameter ?? {},
    names: options.resourceName ?? {},
    secrets: options.secret ?? {},
  });
  if (!result.ok) {
    printProblems(result.problems, loadConfig());
    return ExitCode.Usage;
  }
  printWarnings(result.warnings, loadConfig());
  if (output === undefined || output === STANDARD_OUTPUT) print(result.manifest.replace(/\n$/, ''));
  else await write(output, result.manifest);
  note(wrapped(summaryOf(result.entities, result.ignored), process.stderr));
  return ExitCode.Converged;
}

function read(file: string): string {
  try {
    return readTextFile(file);
  } catch (error) {
    const why = fileErrorText(error);
    throw new UsageError(`template ${file} cannot be read: ${why}`, 'name a file that exists and is readable');
  }
}

/** @throws UsageError where the file exists, because it may have been edited */
async function write(file: string, manifest: string): Promise<void> {
  try {
    await writeFile(file, manifest, { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UsageError(`--output ${file} exists`, 'name another file, or remove it');
    const folder = dirname(file);
    if (code === 'ENOENT' && !existsSync(folder)) {
      const remedy = 'make the folder, or name a file in one that exists';
      throw new UsageError(`--output ${file} cannot be written: there is no folder ${folder}`, remedy);
    }
    throw new UsageError(
      `--output ${file} cannot be written: ${writeErrorText(error)}`,
      'name a file in a folder that exists and is writable',
    );
  }
}

function summaryOf(entities: ReadonlyMap<string, number>, ignored: ReadonlyMap<string, number>): string {
  const listed = (counts: ReadonlyMap<string, number>): string => plain(countsText(counts));
  const sum = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);
  const converted = `Converted ${counted(sum(entities), 'entity', 'entities')}: ${listed(entities)}.`;
  if (ignored.size === 0) return converted;
  return `${converted}\nLeft out ${counted(sum(ignored), 'resource')} of other services: ${listed(ignored)}.`;
}

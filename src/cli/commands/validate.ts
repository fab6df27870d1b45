import pc from 'picocolors';
import { validate as check } from '../../client/request.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { counted } from '../../report/text.js';
import { type ManifestOptions, printProblems, printWarnings } from '../request.js';
import { plain, print, printJson } from '../terminal.js';

/** Checks manifests offline, in every environment that they declare. */
export async function validate(options: ManifestOptions): Promise<ExitCode> {
  const config = loadConfig();
  const { ok, problems, warnings, resolved } = await check(options.file, {
    environment: options.environment,
    variables: options.var,
    pipeline: config.pipeline,
  });
  const environments = resolved.map(({ request }) => ({
    namespace: request.namespace,
    environment: request.environment,
    account: request.target.account,
    entities: request.entities.length,
  }));
  if (options.output === 'json') printJson({ version: 1, ok, problems, warnings, environments });
  else {
    if (options.quiet !== true) printWarnings(warnings);
    if (problems.length > 0) printProblems(problems, config);
    else if (options.quiet !== true) {
      for (const { namespace, environment, account, entities } of environments) {
        print(
          `${pc.green('valid')}  ${plain(namespace)} (${plain(environment)}), account ${account}: ${counted(entities, 'entity', 'entities')}`,
        );
      }
    }
  }
  return ok ? ExitCode.Converged : ExitCode.Usage;
}

import pc from 'picocolors';
import { validate as check } from '../../client/request.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { counted } from '../../report/text.js';
import {
  type ManifestOptions,
  manifestFiles,
  printProblems,
  printWarnings,
  type StackOptions,
  templateOptions,
} from '../request.js';
import { plain, print, printJson } from '../terminal.js';

interface ValidateOptions extends ManifestOptions, StackOptions {
  readonly guardrails?: string;
}

/** Checks manifests offline, in every environment that they declare. */
export async function validate(options: ValidateOptions): Promise<ExitCode> {
  const config = loadConfig();
  const { ok, problems, refusals, warnings, resolved, ...checked } = await check(manifestFiles(options.file), {
    environment: options.environment,
    variables: options.var,
    pipeline: config.pipeline,
    guardrails: options.guardrails,
    template: templateOptions(options),
  });
  const environments = resolved.map(({ request }) => ({
    namespace: request.namespace,
    environment: request.environment,
    account: request.target.account,
    entities: request.entities.length,
  }));
  const fleets = checked.fleets.map((fleet) => ({ ...fleet, resolved: undefined, accounts: fleet.resolved.length }));
  if (options.output === 'json') {
    const refused = options.guardrails === undefined ? {} : { refusals };
    printJson({ version: 1, ok, problems, ...refused, warnings, environments, fleets });
  } else {
    if (options.quiet !== true) printWarnings(warnings, config);
    if (problems.length > 0) printProblems(problems, config);
    else if (refusals.length > 0) printProblems(refusals, config);
    else if (options.quiet !== true) {
      for (const { namespace, environment, account, entities } of environments) {
        print(
          `${pc.green('valid')}  ${plain(namespace)} (${plain(environment)}), account ${account}: ${counted(entities, 'entity', 'entities')}`,
        );
      }
      for (const { namespace, fleet, accounts, hasUnknown } of fleets) {
        const unknown = hasUnknown ? '; the others are known to AWS Organizations only' : '';
        print(
          `${pc.green('valid')}  ${plain(namespace)} (fleet ${plain(fleet)}): ${counted(accounts, 'account')} checked${unknown}`,
        );
      }
    }
  }
  if (ok) return ExitCode.Converged;
  return problems.length > 0 ? ExitCode.Usage : ExitCode.Refused;
}

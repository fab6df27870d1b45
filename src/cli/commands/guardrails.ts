import { explainGuardrailsFile } from '../../client/guardrails.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { renderGuardrails } from '../render/guardrails.js';
import { printProblems } from '../request.js';
import { UsageError } from '../run-command.js';
import { print, printJson } from '../terminal.js';

interface GuardrailsOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly environment?: string;
  readonly output: 'text' | 'json';
}

/** Explains a guardrails file, by default the one that a worker here would use. */
export function guardrails(action: 'explain', file: string | undefined, options: GuardrailsOptions): Promise<ExitCode> {
  return Promise.resolve(explain(file, options));
}

function explain(named: string | undefined, options: GuardrailsOptions): ExitCode {
  const config = loadConfig();
  const file = named ?? config.guardrailsFile;
  if (file === undefined) {
    throw new UsageError('no guardrails file is named', 'name one, or set IAM_BOOTSTRAP_GUARDRAILS');
  }
  const { output, ...filter } = options;
  const explained = explainGuardrailsFile(file, filter);
  if (!explained.ok) {
    if (output === 'json') printJson({ version: 1, ok: false, problems: explained.problems });
    else printProblems(explained.problems, config);
    return ExitCode.Usage;
  }
  const { explanation } = explained;
  if (output === 'json') printJson({ version: 1, ok: true, problems: [], ...explanation });
  else print(renderGuardrails(explanation));
  return explanation.refused.length > 0 ? ExitCode.Refused : ExitCode.Converged;
}

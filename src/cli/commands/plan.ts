import { plan as run } from '../../client/run.js';
import { loadConfig } from '../../config.js';
import { ExitCode } from '../../contract/failures.js';
import { exitCodeOf } from '../../contract/report.js';
import { openDisplay } from '../render/progress.js';
import { renderReport } from '../render/report.js';
import { requestOf } from '../request.js';
import type { RequestOptions } from '../request.js';
import { openSession } from '../session.js';
import { print, printJson } from '../terminal.js';

/** Options of `plan`. */
export interface PlanOptions extends RequestOptions {
  readonly detailedExitcode: boolean;
}

/** Prints each decision and drift. */
export async function plan(options: PlanOptions): Promise<ExitCode> {
  const config = loadConfig();
  const request = await requestOf(options, config);
  if (request === null) return ExitCode.Usage;

  const display = openDisplay({ quiet: options.quiet === true });
  try {
    const session = await openSession(config, (line) => {
      display.say(line);
    });
    try {
      const report = await run(session.temporal, request, {
        waitTimeoutMs: options.waitTimeout,
        onEvent: (event) => {
          display.show(event);
        },
      });
      display.end();
      if (options.output === 'json') printJson(report);
      else print(renderReport(report));
      return exitCodeOf(report.result, { detailed: options.detailedExitcode });
    } finally {
      await session.close();
    }
  } finally {
    display.end();
  }
}

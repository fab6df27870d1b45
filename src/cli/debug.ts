import type { Logger } from 'pino';
import { isDebugLevel } from '../config/config.js';
import type { Config } from '../config/config.js';
import type { Report } from '../contract/report.js';
import { entityId } from '../contract/entity.js';
import { note, plain } from './terminal.js';

/** Returns the logger of `--debug`, which writes text lines to standard error. Undefined without `--debug`. */
export async function openDebugLog({ logLevel }: Pick<Config, 'logLevel'>): Promise<Logger | undefined> {
  if (!isDebugLevel(logLevel)) return undefined;
  const { createLogger } = await import('../observability/logging.js');
  return createLogger(logLevel, {
    write: (line) => {
      note(formatLine(JSON.parse(line) as Readonly<Record<string, unknown>>));
    },
  });
}

/** Logs the decision on each entity of a report, with the AWS request ID of each write. */
export function logDecisions(log: Logger | undefined, { entities }: Report): void {
  for (const entity of entities) {
    const { decision, outcome, reason, writes } = entity;
    log?.debug({ entity: entityId(entity), decision, outcome, reason }, 'decision');
    for (const { operation, requestId } of writes) {
      log?.debug({ entity: entityId(entity), operation, requestId }, 'AWS write');
    }
  }
}

const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

function formatLine({ level, time, msg, ...fields }: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(fields).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
  const start = [`${LEVELS[Number(level)] ?? 'debug'}:`, String(time).slice(11, 23), String(msg)];
  return plain([...start, ...pairs].join(' '));
}

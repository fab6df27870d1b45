import { z } from 'zod';
import { FLEET_COMMANDS, type FleetReport } from '../contract/fleet.js';
import { count, decision, outcome, pipeline, RESULTS, summary, text } from './report-schema.js';

const run = z.strictObject({ workflowId: z.string(), runId: z.string() });
const calls = z.record(z.string(), count).describe('calls to AWS by operation');
const account = { name: text.describe('null where AWS Organizations was not asked') };

const accountReport = z.strictObject({
  account: z.string(),
  ...account,
  result: z
    .enum([...RESULTS, 'skipped'])
    .describe('skipped: it was not begun, for what happened to other accounts or was decided by a person'),
  reason: text,
  remedy: text,
  wave: z.int().min(1),
  summary,
  entities: z
    .array(z.strictObject({ kind: z.string(), name: z.string(), outcome, decision, reason: text }))
    .describe('the entities that are not unchanged, in short; the report of the run has them all'),
  omittedEntities: z.int().min(1).exactOptional().describe('entities that the list leaves out'),
  workflow: run.nullable().describe('the run of the account, with its complete report; null where none was started'),
  calls,
  durationMs: z.number().min(0),
});

/**
 * Schema of the output of `plan` and `apply` with `--fleet` and `--output json`. The compiler keeps it equal to the
 * contract's type.
 */
export const fleetReportSchema = z.strictObject({
  version: z.literal(1),
  command: z.enum(FLEET_COMMANDS),
  result: z.enum(RESULTS).describe('the gravest of the accounts'),
  reason: text.describe('why the run as a whole ended, where no account explains it'),
  remedy: text,
  fleet: z.string(),
  namespace: z.string(),
  environment: z.string(),
  digest: z.string().describe('digest of the request; equal requests have equal digests'),
  request: z.strictObject({ key: z.string(), pipeline }),
  workflow: run,
  accounts: z.array(accountReport),
  leftOut: z
    .array(z.strictObject({ id: z.string(), ...account, reason: z.string() }))
    .describe('accounts that the fleet selects and that were left out, such as suspended ones'),
  summary: summary.describe('the sum over the accounts'),
  calls,
  startedAt: z.iso.datetime(),
  durationMs: z.number().min(0),
}) satisfies z.ZodType<FleetReport>;

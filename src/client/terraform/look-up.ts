import { randomUUID } from 'node:crypto';
import type { Target } from '../../contract/entity.js';
import {
  type EntityToLookUp,
  type LookedUp,
  type LookUpRequest,
  type LookUps,
  MAX_OTHER_MEMBERS,
} from '../../contract/look-up.js';
import { lookUpWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import { sortedJson } from '../../engine/json.js';
import { signed } from '../../identity/signature.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { runRead } from '../read.js';
import { waitForWorker } from '../run/wait-for-worker.js';
import { deadlineOf, type RunOptions } from '../run/events.js';

/** The longest time that a worker may take for an account, in milliseconds. */
const TIMEOUT_MS = 15 * 60_000;

/** Entities of one request, and estimated bytes of it and of its reply: both stay far below Temporal's limit of 2 MiB. */
const MAX_ENTITIES = 2_000;
const MAX_BYTES = 1_000_000;

/** Bytes of an answer without its members: ARN, path, owner, or the message of AWS. */
const ANSWER_BYTES = 1_000;
/** Bytes of one member that was not looked for: the ARN of a policy, or the name of an entity. */
const MEMBER_BYTES = 250;

/** The answers of a worker about one account. */
export interface AccountLookUps {
  /** Returns the answer about an entity that was asked for. */
  find(entity: EntityToLookUp): LookedUp | undefined;
  readonly summary: LookUps['summary'];
  readonly calls: LookUps['calls'];
}

/**
 * Asks a worker for entities of an account.
 *
 * @throws ReadError where the account cannot be read, BusyError where no worker polls
 */
export async function lookUpInAccount(
  temporal: TemporalConnection,
  target: Target,
  entities: readonly EntityToLookUp[],
  options: RunOptions,
): Promise<AccountLookUps> {
  await waitForWorker(temporal, { ...options, deadline: deadlineOf(options) });
  const questions = new Map(entities.map((entity) => [sortedJson(entity), entity]));
  const asked = [...questions];
  const found = new Map<string, LookedUp>();
  const calls: Record<string, number> = {};
  let summary: LookUps['summary'];
  for (const part of partsOf(asked)) {
    const answer = await send(
      temporal,
      target,
      part.map(([, entity]) => entity),
      options,
    );
    summary ??= answer.summary;
    part.forEach(([question], index) => {
      const one = answer.found[index];
      if (one !== undefined) found.set(question, one);
    });
    for (const [operation, count] of Object.entries(answer.calls)) calls[operation] = (calls[operation] ?? 0) + count;
  }
  return { find: (entity) => found.get(sortedJson(entity)), summary, calls };
}

/** Divides questions into requests, each with its text. */
export function partsOf<T extends readonly [text: string, entity: EntityToLookUp]>(
  questions: readonly T[],
): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let bytes = Infinity;
  for (const question of questions) {
    const next = bytesOf(question);
    const last = parts.at(-1);
    if (last === undefined || last.length >= MAX_ENTITIES || bytes + next > MAX_BYTES) {
      parts.push([question]);
      bytes = next;
    } else {
      last.push(question);
      bytes += next;
    }
  }
  return parts;
}

/** Estimates the bytes of the larger one of question and answer. */
function bytesOf([text, { members, listsOthers }]: readonly [text: string, entity: EntityToLookUp]): number {
  const sets = Object.keys(members).length;
  const others = listsOthers === true ? sets * MAX_OTHER_MEMBERS * MEMBER_BYTES : 0;
  // Members that are there come back.
  return Buffer.byteLength(text) + ANSWER_BYTES + others;
}

async function send(
  temporal: TemporalConnection,
  target: Target,
  entities: readonly EntityToLookUp[],
  options: RunOptions,
): Promise<LookUps> {
  const request = signed<LookUpRequest>(temporal.requestKey, WorkflowType.LookUp, { target, entities });
  return runRead<LookUpRequest, LookUps>(
    temporal,
    {
      type: WorkflowType.LookUp,
      workflowId: lookUpWorkflowId(target.account, randomUUID()),
      request,
      summary: `look up ${String(entities.length)} entities in ${target.account}`,
      timeoutMs: TIMEOUT_MS,
    },
    options,
  );
}

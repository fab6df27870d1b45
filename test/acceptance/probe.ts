import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { AwsClients } from '../../src/aws/clients.js';
import { awsError, failureTypeOf, isUnsupported } from '../../src/aws/errors.js';
import type { AwsError } from '../../src/aws/errors.js';
import type { Target } from '../../src/contract/entity.js';
import type { Answer, Assumption, ProbeCall } from './assumptions.js';
import { EXTERNAL_ID, NO_BUCKET } from './documents.js';
import { isRead, REFUSED } from './write-guard.js';

/** The place where a probe is played. */
export interface Place {
  readonly clients: Pick<AwsClients, 'write'>;
  readonly target: Target;
  /** The start of the names. */
  readonly start: string;
  /** The wait before the last call, in which AWS brings the first ones to all of its replicas. */
  readonly settleMs: number;
  /** How long a read may take to show a write, in milliseconds. */
  readonly propagationMs: number;
}

/** The answer of an endpoint, with the error's message where there is one. */
export interface Observed extends Answer {
  readonly message: string | null;
}

/** The result of a probe. `not observable`: the endpoint does not know a call, or the first calls failed. */
export type Verdict = 'held' | 'differs' | 'not observable';

/** A tested assumption. */
export interface Tested {
  readonly assumption: Assumption;
  readonly verdict: Verdict;
  readonly observed: Observed | null;
  /** The reason for which nothing was observed; null where something was. */
  readonly reason: string | null;
}

const THROTTLE_RETRIES = 5;

/**
 * Plays an assumption's calls, and compares the answer to the last one. A write that succeeds where an error is expected
 * may have met a replica that does not know the first calls yet, and cannot be sent again: all calls are then played once
 * more, with fresh names and the whole window before the last one.
 */
export async function testAssumption(place: Place, assumption: Assumption): Promise<Tested> {
  const tested = await playOnce(place, assumption);
  const { setup, request, expected } = assumption;
  const isEarly = tested.verdict === 'differs' && tested.observed?.code === null && expected.code !== null;
  if (!isEarly || isRead(request.operation) || setup.length === 0 || place.propagationMs === 0) return tested;
  return playOnce({ ...place, start: `${place.start}again-`, settleMs: place.propagationMs }, assumption);
}

async function playOnce(place: Place, assumption: Assumption): Promise<Tested> {
  const tested = (verdict: Verdict, observed: Observed | null, reason: string | null): Tested => ({
    ...{ assumption, verdict, observed, reason },
  });
  for (const step of assumption.setup) {
    const answer = await settled(place, step);
    if (answer.code !== null) {
      return tested('not observable', null, `${step.operation}: ${answer.code}: ${answer.message ?? ''}`);
    }
  }
  await pause(place.settleMs);
  const members = Object.keys(assumption.expected.members ?? {});
  const startedAt = Date.now();
  for (;;) {
    const observed = await answerTo(place, assumption.request, members);
    if (holds(place, assumption, observed)) return tested('held', observed, null);
    const { code, message } = observed;
    if (isUnknownTo(observed)) {
      const reason = `${assumption.request.operation}: ${code ?? ''}: ${message ?? ''}`;
      return tested('not observable', null, reason);
    }
    // A read may show it later. A write that was refused has changed nothing, so it can be sent again.
    const mayChange = isRead(assumption.request.operation) || code !== null;
    if (!mayChange || Date.now() - startedAt >= place.propagationMs) return tested('differs', observed, null);
    await pause(1_000);
  }
}

function holds(place: Place, { expected, message }: Assumption, observed: Observed): boolean {
  const wanted = fill(expected.members ?? {}, place);
  return (
    observed.status === expected.status &&
    observed.code === expected.code &&
    (message === undefined || observed.message?.includes(message) === true) &&
    isDeepStrictEqual(
      JSON.parse(JSON.stringify(fill(observed.members ?? {}, place))),
      JSON.parse(JSON.stringify(wanted)),
    )
  );
}

/** Sends one of the first calls, again where it is refused only since AWS does not know everywhere what came before. */
async function settled(place: Place, step: ProbeCall): Promise<Observed> {
  const startedAt = Date.now();
  for (;;) {
    const answer = await answerTo(place, step, []);
    const isEarly = answer.code === 'NoSuchEntity' || answer.code === 'ConcurrentModification';
    if (!isEarly || Date.now() - startedAt >= place.propagationMs) return answer;
    await pause(1_000);
  }
}

/**
 * Reports an answer that says nothing about an assumption: the endpoint does not have the operation, the caller may not
 * call it, AWS was busy, or no answer came.
 */
function isUnknownTo({ status, code }: Observed): boolean {
  const isThrottled = failureTypeOf({ ...NO_ERROR, code: code ?? '', httpStatus: status }) === 'Throttled';
  const isNoAnswer = status === 0 || status === 403 || status >= 500;
  return isNoAnswer || isThrottled || code === 'ForeignReply' || isUnsupported({ code: code ?? '' });
}

/** Reports an error that says nothing about a law: an operation that is unknown or denied, AWS is busy, or no answer. */
export function saysNothing(error: AwsError): boolean {
  const { code, httpStatus, message } = error;
  if (message.includes(REFUSED)) return false;
  if (httpStatus === null) return isOfNetwork(code);
  const isUnavailable = httpStatus === 403 || httpStatus >= 500 || code === 'ForeignReply';
  return isUnavailable || isUnsupported(error) || failureTypeOf(error) === 'Throttled';
}

function isOfNetwork(code: string): boolean {
  return /^(E[A-Z_]{4,}|TimeoutError|NetworkingError|ForeignReply)$/.test(code);
}

const NO_ERROR = { message: '', operation: null, requestId: null, unclear: false };

async function answerTo(place: Place, step: ProbeCall, members: readonly string[]): Promise<Observed> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const input = fill(step.input, place) as Record<string, unknown>;
      const { output } = await place.clients.write(step.operation, input);
      const seen = Object.fromEntries(members.map((path) => [path, redact(memberOf(output, path), place)]));
      return { status: 200, code: null, message: null, ...(members.length === 0 ? {} : { members: seen }) };
    } catch (error) {
      const aws = awsError(error);
      if (failureTypeOf(aws) === 'Throttled' && attempt <= THROTTLE_RETRIES) {
        await pause(1_000 * attempt);
        continue;
      }
      return {
        status: aws.httpStatus ?? 0,
        code: aws.code,
        message: redact(aws.message, place) as string,
      };
    }
  }
}

/** Returns a member of an output: `Role.Arn`, `Tags.length`, or a part of a document: `Document|Statement.0.Action`. */
function memberOf(output: unknown, path: string): unknown {
  const [member = '', inDocument] = path.split('|');
  const value = at(output, member);
  if (inDocument === undefined) return value;
  const text = String(value);
  if (inDocument === 'encoded') return text.startsWith('%7B');
  const decoded = text.includes('%') ? decodeURIComponent(text) : text;
  return inDocument === 'decoded' ? decoded : at(JSON.parse(decoded), inDocument);
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined | null)?.[name], value);
}

/** A password that no text of the project shows. */
const PASSWORD = `${randomBytes(18).toString('base64url')}aA1!`;

/** Puts the names and the account of a place into texts with placeholders. */
export function fill(value: unknown, { start, target }: Pick<Place, 'start' | 'target'>): unknown {
  return mapTexts(value, (text) =>
    text
      .replaceAll('<p>', start)
      .replaceAll('<account>', target.account)
      .replaceAll('<partition>', target.partition)
      .replaceAll('<external-id>', EXTERNAL_ID)
      .replaceAll('<password>', PASSWORD),
  );
}

/** Takes the names and the account of a place out of texts. */
export function redact(value: unknown, { start, target }: Pick<Place, 'start' | 'target'>): unknown {
  return mapTexts(value, (text) =>
    text
      .replaceAll(EXTERNAL_ID, '<external-id>')
      .replaceAll(PASSWORD, '<password>')
      .replaceAll(start, '<p>')
      .replaceAll(start.toUpperCase(), '<P>')
      .replaceAll(`arn:${target.partition}:iam::${target.account}:`, 'arn:<partition>:iam::<account>:')
      .replaceAll(`arn:${target.partition}:s3:::${NO_BUCKET}/`, `arn:<partition>:s3:::${NO_BUCKET}/`)
      .replaceAll(target.account, '<account>'),
  );
}

/** Returns a value with all of its texts changed. */
export function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((part) => mapTexts(part, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, mapTexts(part, change)]));
}

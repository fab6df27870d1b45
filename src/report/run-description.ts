import type { Pipeline } from '../contract/entity.js';
import type { FleetRequest } from '../contract/fleet.js';
import type { BootstrapMemo, BootstrapRequest } from '../contract/request.js';
import { code, page, plain } from './markdown.js';
import { counted } from './text.js';

/** Returns the shortest description of a request's origin: its link, else the actor, else the CI service. */
export function describeOrigin({ url, actor, provider }: Pick<Pipeline, 'url' | 'actor' | 'provider'>): string {
  return url ?? actor ?? provider;
}

/** The pipeline of a run whose memo has none. */
export const UNKNOWN_PIPELINE: Pipeline = { provider: 'unknown', url: null, commit: null, actor: null };

/** Returns who requested a run: `https://ci.example.com/42 (job deploy, commit 4b825dc642cb, by ada)`. */
export function describePipeline(pipeline: Pipeline = UNKNOWN_PIPELINE): string {
  const { provider, url, job, commit, actor } = pipeline;
  const origin =
    url === null && actor === null && provider === 'unknown' ? 'another pipeline' : describeOrigin(pipeline);
  const details = [
    ...(job == null ? [] : [`job ${job}`]),
    ...(commit === null ? [] : [`commit ${commit.slice(0, 12)}`]),
    ...(url === null || actor === null ? [] : [`by ${actor}`]),
  ];
  return details.length === 0 ? origin : `${origin} (${details.join(', ')})`;
}

/** Returns the pipeline in a memo, which any client may have written. Fields of an unexpected type are left out. */
export function pipelineOf(value: unknown): Pipeline {
  return { ...UNKNOWN_PIPELINE, ...textFields(value) };
}

/** Returns the fields of a value that are text. */
export function textFields(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Returns the line that names a run in the Temporal UI. */
export function requestSummary(type: string, { namespace, environment, target, entities }: BootstrapRequest): string {
  const count = counted(entities.length, 'entity', 'entities');
  return `${type} ${plain(namespace)} (${plain(environment)}) in ${plain(target.account)}: ${count}`;
}

/** Returns the text below it: where the request comes from. */
export function requestDetails({ manifest, pipeline, digest }: Omit<BootstrapMemo, 'requestKey'>): string {
  const { commit } = pipeline;
  const origin = `Manifest ${code(manifest)}, requested by ${plain(describeOrigin(pipeline))}`;
  return page([`${origin}${commit === null ? '' : `, commit ${code(commit)}`}.`, '', `Digest ${code(digest)}`]);
}

/** Returns the line that names a run of a fleet in the Temporal UI. */
export function fleetSummary({ command, fleet, namespace }: FleetRequest): string {
  return `${command} ${plain(namespace)} in fleet ${plain(fleet)}`;
}

/** Returns the text below it. */
export function fleetDetails(request: FleetRequest): string {
  return requestDetails(fleetMemoOf(request));
}

/** Returns the memo of a run, which clients read without decoding its input. */
export function memoOf(request: BootstrapRequest): BootstrapMemo {
  return { ...memoFields(request), manifest: request.manifest };
}

/** Returns the memo of a run of a fleet. */
export function fleetMemoOf(request: FleetRequest): BootstrapMemo {
  return { ...memoFields(request), manifest: request.manifest.name };
}

function memoFields(request: BootstrapRequest | FleetRequest): Omit<BootstrapMemo, 'manifest'> {
  return {
    digest: request.digest,
    requestKey: request.key,
    pipeline: request.pipeline,
    environment: request.environment,
    ...(request.revision === undefined ? {} : { revision: request.revision }),
    ...(request.allowOlder === true ? { allowOlder: true } : {}),
  };
}

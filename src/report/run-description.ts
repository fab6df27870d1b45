import type { Pipeline } from '../contract/entity.js';
import type { FleetRequest } from '../contract/fleet.js';
import type { BootstrapMemo, BootstrapRequest } from '../contract/request.js';
import { code, page, plain } from './markdown.js';
import { counted } from './text.js';

/** Returns the shortest description of a request's origin: its link, else the actor, else the CI service. */
export function describeOrigin({ url, actor, provider }: Pick<Pipeline, 'url' | 'actor' | 'provider'>): string {
  return url ?? actor ?? provider;
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

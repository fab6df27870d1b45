import { createHash } from 'node:crypto';
import type { FleetRequest } from '../contract/fleet.js';
import type { Verdict } from '../contract/report.js';
import type { BootstrapRequest } from '../contract/request.js';
import { isFleetRequest } from '../contract/fleet.js';
import type { SchedulePermitRequest } from '../contract/schedule-permit.js';
import { sortedJson } from './json.js';

/** The fields of a request that decide what it does. */
export type DigestedRequest = Pick<
  BootstrapRequest,
  'target' | 'namespace' | 'environment' | 'entities' | 'keepGoing' | 'approval' | 'orphans'
>;

/**
 * Returns the digest of a request, as `sha256:…`. Requests with the same digest do the same, whatever the source
 * positions of their entities and whatever the pipeline.
 */
export function requestDigest(request: DigestedRequest): string {
  const { target, namespace, environment, entities, keepGoing, approval, orphans } = request;
  const content = {
    target,
    namespace,
    environment,
    entities: entities.map((entity) => ({ ...entity, source: undefined })),
    keepGoing,
    orphans: orphans === 'report' ? undefined : orphans,
    // A request that requires an approval must not join one that does not. The timeout makes no difference.
    approval: approval === undefined ? undefined : true,
  };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}

/**
 * Returns the digest of a request for a fleet, as `sha256:…`. Requests with the same digest do the same, whatever their
 * manifests are called and whatever the pipeline. As that of a bootstrap request, it leaves out the revision.
 */
export function fleetDigest(request: Omit<FleetRequest, 'digest' | 'key'>): string {
  const { command, allowOlder, manifest, ...rest } = request;
  const { fleet, namespace, environment, partition, selection, rollout, only, keepGoing } = rest;
  const { sources, files, variables, adopt, deleteTrusted, removeUnmanaged, orphans } = manifest;
  const content = {
    manifest: {
      sources: sources.map(({ file, ...source }) => ({ ...source, files: files[file] })),
      variables,
      adopt: [...adopt].sort(),
      deleteTrusted: [...deleteTrusted].sort(),
      removeUnmanaged,
      orphans,
    },
    command,
    allowOlder: allowOlder === true ? true : undefined,
    ...{ fleet, namespace, environment, partition, selection, rollout, only, keepGoing },
  };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}

/**
 * Returns the digest that a proof of a request is made for, as `sha256:…`. It covers the whole request: its digest, and
 * what makes no difference to it, as its key, its revision and the job that asks.
 */
export function proofDigest(request: BootstrapRequest): string {
  const content = { ...request, proof: undefined, digest: requestDigest(request) };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}

/** Returns the digest that a proof of a fleet's request is made for, as `sha256:…`. It covers the whole request. */
export function fleetProofDigest(request: FleetRequest): string {
  const content = { ...request, proof: undefined };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}

/**
 * Returns the digest that a proof of a schedule is made for, as `sha256:…`: a token that applies once makes no schedule.
 */
export function scheduleDigest({ schedule, command, request }: SchedulePermitRequest): string {
  const digest = isFleetRequest(request) ? fleetProofDigest(request) : proofDigest(request);
  const content = { schedule, command, request: digest };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}

/**
 * Returns the digest that a proof of a decision is made for, as `sha256:…`: a token that rejects a plan does not approve it.
 *
 * @param verdict - the decision
 * @param plan - the digest of the plan
 */
export function decisionDigest(verdict: Extract<Verdict, 'approved' | 'rejected'>, plan: string): string {
  return `sha256:${createHash('sha256').update(sortedJson({ plan, verdict })).digest('hex')}`;
}

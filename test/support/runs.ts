import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import type { RequestOptions } from '../../src/client/request.js';
import { apply, plan } from '../../src/client/run/start.js';
import { entityId } from '../../src/contract/entity.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { manifestOf } from './manifests-of.js';
import { ACCOUNT } from './world.js';
import type { World } from './world.js';

/** Options of a run. Default: apply the namespace `ci`. */
export interface RunParts extends Partial<
  Pick<
    RequestOptions,
    'adopt' | 'removeUnmanaged' | 'command' | 'includeAdopted' | 'keepGoing' | 'revision' | 'orphans'
  >
> {
  readonly namespace?: string;
  /** The account. Accounts other than the sandbox's own are accessed by a role in them. */
  readonly account?: string;
  /** The name of the manifest. Default: each run has a manifest of its own. */
  readonly file?: string;
  /** The task queue of a separate worker. */
  readonly taskQueue?: string;
}

let written = 0;

/** Starts runs with the client library, in the process of the test. */
export class Runs {
  readonly #world: World;
  readonly #temporal: TemporalConnection;

  constructor(world: World, temporal: TemporalConnection) {
    this.#world = world;
    this.#temporal = temporal;
  }

  apply(entities: readonly JsonObject[], parts: RunParts = {}): Promise<Report> {
    return this.#run(apply, entities, parts);
  }

  plan(entities: readonly JsonObject[], parts: RunParts = {}): Promise<Report> {
    return this.#run(plan, entities, parts);
  }

  async #run(command: typeof apply, entities: readonly JsonObject[], parts: RunParts): Promise<Report> {
    written += 1;
    const { namespace = 'ci', account = ACCOUNT, file = `run-${String(written)}.json`, taskQueue, ...options } = parts;
    const manifest = manifestOf({ namespace, account, assumed: account !== ACCOUNT, entities });
    const path = await this.#world.manifest(file, manifest);
    const pipeline = { provider: 'local', url: null, commit: null, actor: 'test' };
    const loaded = await loadRequest([path], { variables: {}, pipeline, ...options });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
    return command({ ...this.#temporal, ...(taskQueue === undefined ? {} : { taskQueue }) }, loaded.request);
  }
}

/** Returns the outcome of each entity, by `Kind/name`. */
export function outcomesOf({ entities }: Pick<Report, 'entities'>): Record<string, EntityReport['outcome']> {
  return Object.fromEntries(entities.map((entity) => [entityId(entity), entity.outcome]));
}

/** Returns the decision for each entity, by `Kind/name`. */
export function decisionsOf({ entities }: Report): Record<string, EntityReport['decision']> {
  return Object.fromEntries(entities.map((entity) => [entityId(entity), entity.decision]));
}

/** Returns one entity of a report. */
export function entityOf(report: Report, id: string): EntityReport {
  const found = report.entities.find((entity) => entityId(entity) === id);
  if (found === undefined) throw new Error(`the report has no ${id}: ${JSON.stringify(outcomesOf(report))}`);
  return found;
}

/** Returns the actions of the writes that arrived at the proxy, in order. */
export function writesIn(world: World): string[] {
  return world.proxy.writes().map(({ action }) => action);
}

/** Returns the writes with their subjects: `DetachRolePolicy deploy read`. */
export function fullWritesIn(world: World): string[] {
  return world.proxy.writes().map(({ action, params }) => {
    const about = Object.entries(params).filter(([name]) => /^(\w+Name|\w*Arn|Url|ClientID|AccessKeyId)$/.test(name));
    return [action, ...about.map(([, value]) => value.slice(value.lastIndexOf('/') + 1))].join(' ');
  });
}

/** Returns the writes that AWS refused. */
export function refusedWritesIn(world: World): string[] {
  return world.proxy.writes().flatMap(({ action, code }) => (code === undefined ? [] : [`${action} ${code}`]));
}

import type { JsonObject } from '../../contract/entity.js';
import {
  listTree,
  mapTree,
  positionOf,
  scalarTree,
  toJson,
  treeOf,
  type MapEntry,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import type { Problem, Report } from '../../engine/manifest/problem.js';
import type { Parsed } from '../../engine/manifest/source.js';
import { readEntities } from './entities.js';
import type { Entity } from './entity.js';
import { makerWarnings } from './makers.js';
import { optionProblems } from './template-options.js';
import { StackScope, type StackOptions } from './scope.js';
import { ReferenceWriter } from '../manifest/reference-writer.js';
import { readTemplate } from './template.js';
import { mapTexts } from './trees.js';

/** The options of reading a template as a manifest. */
export interface ManifestStackOptions extends StackOptions {
  readonly namespace: string;
  readonly environment: string;
  /** The role in the account that workers assume. Default: none. */
  readonly assumeRole?: string | undefined;
}

/** A template as a manifest. */
export interface Stack {
  /** Each value of the manifest has the position of what it comes from in the template. */
  readonly tree: Tree;
  readonly entities: readonly Entity[];
  /** The number of resources that are left out, by type. */
  readonly ignored: ReadonlyMap<string, number>;
  /** Warnings about what is written and has no effect. */
  readonly warnings: readonly Problem[];
  /** Options that name nothing in the template. */
  readonly unused: readonly Problem[];
}

/** Reads a template as a manifest. Undefined where a problem prevents it; others are reported, too. */
export function readStack(parsed: Parsed, options: ManifestStackOptions, report: Report): Stack | undefined {
  let problems = 0;
  const found: Report = (problem) => {
    problems++;
    report(problem);
  };
  optionProblems(options).forEach(found);
  const template = readTemplate(parsed, found);
  if (template === undefined) return undefined;
  const scope = new StackScope(template, options, found);
  const { entities, ignored, warnings } = readEntities(template, scope, options, found);
  const { at } = template;
  const makers = makerWarnings(template);
  if (entities.length + problems === 0) {
    const [maker] = makers;
    const message = `the template creates no IAM entity${maker === undefined ? '' : ` itself; ${maker.message}`}`;
    const remedy = maker?.remedy ?? 'name a template with AWS::IAM::Role';
    found({ ...positionOf(at), path: 'Resources', message, remedy });
  }
  return {
    tree: manifestTree(at, entities, scope, options),
    entities,
    ignored,
    warnings: [...warnings, ...makers, ...scope.ineffective()],
    unused: scope.unused(),
  };
}

function manifestTree(
  at: SourceOffset,
  entities: readonly Entity[],
  scope: StackScope,
  { namespace, environment, account, assumeRole }: ManifestStackOptions,
): Tree {
  const writer = new EntityWriter(entities, scope);
  const { partition } = scope;
  const target = {
    account,
    ...(partition === 'aws' ? {} : { partition }),
    ...(assumeRole === undefined ? {} : { assumeRole }),
  };
  const fields = {
    version: scalarTree(at, 1),
    namespace: scalarTree(at, namespace),
    environments: treeOf({ [environment]: target }, at),
    entities: listTree(
      at,
      entities.map((entity) => writer.write(entity)),
    ),
  };
  return mapTree(at, new Map(Object.entries(fields).map(([name, value]) => [name, { at, value }])));
}

/** Returns the ID of an entity. A user and its login profile come from one resource. */
function idOf({ logicalId, kind }: Entity): string {
  return kind === 'LoginProfile' ? `${logicalId}_${kind}` : logicalId;
}

/** Writes entities with their references. */
class EntityWriter {
  private readonly writer: ReferenceWriter;

  constructor(
    entities: readonly Entity[],
    private readonly scope: StackScope,
  ) {
    this.writer = new ReferenceWriter(
      entities.map((entity) => ({
        id: idOf(entity),
        kind: entity.kind,
        name: this.referenceName(entity),
        spec: toJson(mapTree(entity.at, entity.properties)) as JsonObject,
      })),
      (id) => scope.arnText(id),
    );
  }

  write(entity: Entity): Tree {
    const { at, kind, properties } = entity;
    const entries: ReadonlyMap<string, MapEntry> = new Map([
      ['kind', { at, value: scalarTree(at, kind) }],
      ...properties,
    ]);
    return mapTexts(mapTree(at, entries), (text) => this.writer.writeText({ id: idOf(entity) }, text));
  }

  /** Returns the name of an entity in references. */
  private referenceName({ logicalId, kind, name }: Entity): string | undefined {
    if (kind === 'LoginProfile') return undefined;
    if (kind !== 'VirtualMFADevice') return name?.replace(/^https:\/\//, '');
    // The name of a device has its path.
    const [, address = ''] = /^arn:[^:]*:iam::[^:]*:(.*)$/s.exec(this.scope.arnText(logicalId)) ?? [];
    return address.slice(address.indexOf('/') + 1);
  }
}

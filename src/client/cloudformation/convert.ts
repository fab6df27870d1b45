import { Document, isMap } from 'yaml';
import type { Json } from '../../contract/entity.js';
import { sortProblems, type Problem } from '../../engine/manifest/problem.js';
import { positionOf } from '../../engine/manifest/tree.js';
import { readEntities, type Entity } from './entities.js';
import { partitionOf, StackScope, type StackOptions } from './scope.js';
import { readTemplate } from './template.js';
import { arnsIn, manifestText, mapTexts } from './text.js';

/** The options of converting a template. */
export interface ConvertOptions extends StackOptions {
  readonly namespace: string;
  readonly environment: string;
}

/** A template as a manifest, or its problems. */
export type Converted =
  | {
      readonly ok: true;
      /** YAML. */
      readonly manifest: string;
      /** The number of entities by kind, and of resources that were left out by type. */
      readonly entities: ReadonlyMap<string, number>;
      readonly ignored: ReadonlyMap<string, number>;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Converts a CloudFormation template, as the CDK writes it, too, to a manifest. Nothing is sent to AWS. */
export function convertTemplate(file: string, text: string, options: ConvertOptions): Converted {
  const problems: Problem[] = [];
  const report = (problem: Problem): void => void problems.push(problem);
  const refused = (): Converted => ({ ok: false, problems: sortProblems(problems, [file]) });
  const template = readTemplate(file, text, report);
  if (template === undefined) return refused();
  const scope = new StackScope(template, options, report);
  const { entities, ignored } = readEntities(template, scope, options, report);
  if (entities.length === 0 && problems.length === 0) {
    const message = 'the template creates no IAM entity';
    problems.push({
      ...positionOf(template.at),
      path: 'Resources',
      message,
      remedy: 'name a template with AWS::IAM::Role',
    });
  }
  scope.reportUnused();
  if (problems.length > 0) return refused();
  const counts = new Map<string, number>();
  for (const { kind } of entities) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return { ok: true, manifest: manifestOf(file, entities, scope, options), entities: counts, ignored };
}

function manifestOf(
  file: string,
  entities: readonly Entity[],
  scope: StackScope,
  { namespace, environment, account, region }: ConvertOptions,
): string {
  const writer = new EntityWriter(entities, scope);
  const partition = partitionOf(region);
  const target = partition === 'aws' ? { account } : { account, partition };
  const document = new Document(
    {
      version: 1,
      namespace,
      environments: { [environment]: target },
      entities: entities.map((entity) => writer.write(entity)),
    },
    { aliasDuplicateObjects: false },
  );
  document.commentBefore = ` Converted from ${file.replace(/\s+/g, ' ')}`;
  const items = document.get('entities') as { readonly items: readonly unknown[] };
  items.items.forEach((item, index) => {
    const entity = entities[index];
    if (entity === undefined || !isMap(item)) return;
    const comment = [entity.logicalId, ...entity.notes].map((line) => ` ${line.replace(/\s+/g, ' ')}`).join('\n');
    item.commentBefore = comment;
    if (index > 0) item.spaceBefore = true;
  });
  return document.toString({ lineWidth: 0 });
}

/** Properties that name other entities, with the kind of these. */
const NAMING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Group: { users: 'User' },
  InstanceProfile: { roles: 'Role' },
  AccessKey: { userName: 'User' },
  LoginProfile: { userName: 'User' },
  VirtualMFADevice: { userName: 'User' },
};

/** Writes entities with their references. */
class EntityWriter {
  private readonly needs: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(
    private readonly entities: readonly Entity[],
    private readonly scope: StackScope,
  ) {
    const needs = new Map<string, Set<string>>();
    for (const entity of entities) {
      const found = needs.get(entity.logicalId) ?? new Set<string>();
      for (const value of entity.properties.values()) for (const id of arnsIn(value)) found.add(id);
      for (const id of this.named(entity)) found.add(id);
      found.delete(entity.logicalId);
      needs.set(entity.logicalId, found);
    }
    this.needs = needs;
  }

  write(entity: Entity): Json {
    const spec = Object.fromEntries(entity.properties);
    return {
      kind: entity.kind,
      ...(mapTexts(spec, (text) =>
        manifestText(text, (id, isUnchecked) => this.reference(entity, id, isUnchecked)),
      ) as Record<string, Json>),
    };
  }

  /**
   * Returns what stands for an ARN. A reference makes an entity wait for the other. IAM does not look up what a policy
   * names, so two entities that name each other in their policies wait for nobody.
   */
  private reference(
    from: Entity,
    id: string,
    isUnchecked: boolean,
  ): { readonly template: string } | { readonly text: string } {
    if (isUnchecked && this.reaches(id, from.logicalId)) return { text: this.scope.arnText(id) };
    const [, address = ''] = /^arn:[^:]*:iam::[^:]*:(.*)$/s.exec(this.scope.arnText(id)) ?? [];
    const other = this.entities.find(({ logicalId, kind }) => logicalId === id && kind !== 'LoginProfile');
    // The name of a device has its path.
    const name = other?.kind === 'VirtualMFADevice' ? address.slice(address.indexOf('/') + 1) : (other?.name ?? '');
    const written = manifestText(name.replace(/^https:\/\//, ''), () => ({ text: '' }));
    return { template: `{{arn ${other?.kind ?? ''}/${written}}}` };
  }

  private reaches(from: string, to: string): boolean {
    const seen = new Set([from]);
    for (const id of seen) {
      if (id === to) return true;
      for (const next of this.needs.get(id) ?? []) seen.add(next);
    }
    return false;
  }

  /** Returns the entities that an entity names by their names. */
  private named({ kind, properties }: Entity): readonly string[] {
    return Object.entries(NAMING[kind] ?? {}).flatMap(([property, other]) => {
      const names = [properties.get(property) ?? []].flat();
      return this.entities
        .filter((one) => one.kind === other && names.includes(one.name ?? ''))
        .map((one) => one.logicalId);
    });
  }
}

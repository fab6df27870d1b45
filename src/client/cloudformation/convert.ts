import { Document, isMap } from 'yaml';
import type { Json, JsonObject } from '../../contract/entity.js';
import { sortProblems, type Problem } from '../../engine/manifest/problem.js';
import { positionOf } from '../../engine/manifest/tree.js';
import { readEntities, type Entity } from './entities.js';
import { partitionOf, StackScope, type StackOptions } from './scope.js';
import { readTemplate } from './template.js';
import { ReferenceWriter, type TokenEntity } from '../manifest/reference-writer.js';

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

/** Writes entities with their references. */
class EntityWriter {
  private readonly writer: ReferenceWriter;

  constructor(
    entities: readonly Entity[],
    private readonly scope: StackScope,
  ) {
    this.writer = new ReferenceWriter(
      entities.map((entity) => this.withReferenceName(entity)),
      (id) => scope.arnText(id),
    );
  }

  write(entity: Entity): Json {
    const from = this.withReferenceName(entity);
    return { kind: entity.kind, ...(this.writer.write(from, from.spec) as JsonObject) };
  }

  private withReferenceName({ logicalId: id, kind, name, properties }: Entity): TokenEntity {
    return { id, kind, name: this.referenceName(id, kind, name), spec: Object.fromEntries(properties) };
  }

  /** Returns the name of an entity in references. */
  private referenceName(id: string, kind: string, name: string | undefined): string | undefined {
    if (kind === 'LoginProfile') return undefined;
    if (kind !== 'VirtualMFADevice') return name?.replace(/^https:\/\//, '');
    // The name of a device has its path.
    const [, address = ''] = /^arn:[^:]*:iam::[^:]*:(.*)$/s.exec(this.scope.arnText(id)) ?? [];
    return address.slice(address.indexOf('/') + 1);
  }
}

import { partitionOf, urlSuffixOf } from '../../engine/partitions.js';
import { quoted, type Problem, type Report } from '../../engine/manifest/problem.js';
import {
  problemAt,
  scalarTree,
  stringOf,
  type MapEntry,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { nearest, suggestion } from '../../engine/text.js';
import { pathTo } from './entity.js';
import { Conditions } from './conditions.js';
import { NO_VALUE, splitOnce, type Scope, type Value } from './calls.js';
import { Evaluator } from './evaluate.js';
import { GivenValues, movedTo, parameterValue, textOf } from './parameters.js';
import { entityTypeOf, isComputed, isIam, propertiesOf, type EntityType } from './resource-types.js';
import { ACCOUNT_TOKEN, arnToken, literalText, PARTITION_TOKEN, replaceArns } from '../manifest/template-text.js';
import type { Resource, Template } from './template.js';
import { ineffectiveOptions, OptionUse, unusedOptions } from './unused-options.js';

/** The values that a stack would be made with. */
export interface StackOptions {
  readonly account: string;
  readonly region?: string | undefined;
  readonly stackName?: string | undefined;
  /** Parameters, exports by their names, and what resources outside of IAM return: `LogicalId` or `LogicalId.Attribute`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Names by logical ID, for resources that CloudFormation would name. */
  readonly names: Readonly<Record<string, string>>;
  /** Locations of secrets by logical ID: `file:PATH` or `secretsManager:NAME`. */
  readonly secrets: Readonly<Record<string, string>>;
}

type Path = readonly PropertyKey[];

/** The names that the expressions of a template refer to, with the values of one stack. */
export class StackScope implements Scope {
  readonly evaluator = new Evaluator(this);
  readonly mappings: ReadonlyMap<string, MapEntry>;
  readonly given: GivenValues;
  /** The partition of the region. Default: `aws`. */
  readonly partition: string;
  private readonly conditions: Conditions;
  private readonly parameters = new Map<string, Value>();
  private readonly names = new Map<string, string | undefined>();
  private readonly open = new Set<string>();
  private readonly asked = new Set<string>();
  /** The tokens of entities by their ARNs. */
  private tokens: ReadonlyMap<string, string> | undefined;
  readonly use = new OptionUse();

  constructor(
    private readonly template: Template,
    private readonly options: StackOptions,
    private readonly report: Report,
  ) {
    this.mappings = template.mappings;
    this.given = new GivenValues(options.parameters);
    this.partition = partitionOf(options.region ?? '') ?? 'aws';
    this.conditions = new Conditions(template.conditions, this.evaluator, this);
  }

  refuse(at: SourceOffset, path: Path, message: string, remedy: string): undefined {
    this.report(problemAt(at, path, message, remedy));
  }

  condition(name: string, at: SourceOffset, path: Path): boolean | undefined {
    return this.conditions.holds(name, at, path);
  }

  /** Returns whether the stack would have a resource. Undefined if its condition has a problem. */
  isCreated({ logicalId, condition, at }: Resource): boolean | undefined {
    return condition === null || this.condition(condition, at, ['Resources', logicalId, 'Condition']);
  }

  ref(name: string, at: SourceOffset, path: Path): Value {
    if (name.startsWith('AWS::')) return this.pseudo(name, at, path);
    if (this.template.parameters.has(name)) {
      if (!this.parameters.has(name)) {
        this.parameters.set(name, parameterValue(name, this.template, this.given, this.report));
      }
      return movedTo(at, this.parameters.get(name));
    }
    const resource = this.resource(name, null, at, path);
    if (resource === undefined || 'value' in resource) return resource?.value;
    const { ref } = resource.type ?? {};
    if (ref === 'name') {
      const text = this.nameOf(resource.resource);
      return text === undefined ? undefined : scalarTree(at, text);
    }
    if (ref === 'arn') return scalarTree(at, arnToken(name));
    this.unknown(resource.resource, name, at, path);
  }

  attribute(logicalId: string, attribute: string, at: SourceOffset, path: Path): Value {
    const key = `${logicalId}.${attribute}`;
    if (attribute === 'SecretAccessKey') {
      this.refuseSecret(key, at, path);
      return;
    }
    const resource = this.resource(logicalId, attribute, at, path);
    if (resource === undefined || 'value' in resource) return resource?.value;
    if (resource.type?.arnAttributes.includes(attribute) === true) return scalarTree(at, arnToken(logicalId));
    this.unknown(resource.resource, key, at, path);
  }

  imported(name: string, at: SourceOffset, path: Path): Value {
    const value = this.value(name, at);
    const message = `the export ${quoted(name)} is known to AWS only`;
    if (value === undefined) this.refuse(at, path, message, `give it with --parameter '${name}=VALUE'`);
    return value;
  }

  dynamic(written: string, at: SourceOffset, path: Path): string | undefined {
    const reference = this.literal(written);
    if (!reference.startsWith('resolve:ssm:')) {
      this.refuseSecret(`{{${reference}}}`, at, path);
      return;
    }
    const value = stringOf(this.value(reference, at));
    const message = `{{${reference}}} is known to AWS only`;
    if (value === null) {
      this.refuse(at, path, message, `give it with --parameter '${reference}=VALUE'`);
      return;
    }
    return value;
  }

  private refuseSecret(what: string, at: SourceOffset, path: Path): void {
    const message = `${what} is a secret, and a manifest would hold its value in plain text`;
    this.refuse(at, path, message, 'write the value of the property without it');
  }

  literal(text: string): string {
    const expanded = replaceArns(text, (logicalId) => this.arnText(logicalId));
    return literalText(expanded, { account: this.options.account, partition: this.partition });
  }

  /** Returns a text, and in place of the ARN of an entity of the template its token: so its users wait for it. */
  referring(text: string): string {
    if (!text.startsWith('arn:')) return text;
    const managed = `arn:${this.partition}:iam::aws:`;
    if (text.startsWith(managed)) return `arn:${PARTITION_TOKEN}:iam::aws:${text.slice(managed.length)}`;
    this.tokens ??= new Map(
      [...this.template.resources.values()]
        .filter((one) => entityTypeOf(one.type)?.name != null && this.isCreated(one) === true)
        .filter((one) => this.nameOf(one) !== undefined)
        .map(({ logicalId }) => [this.literal(arnToken(logicalId)), arnToken(logicalId)]),
    );
    return this.tokens.get(this.literal(text)) ?? text;
  }

  /** Returns the ARN of a resource with its name written out. */
  arnText(logicalId: string): string {
    const resource = this.template.resources.get(logicalId);
    const type = resource === undefined ? undefined : entityTypeOf(resource.type);
    if (resource === undefined || type === undefined) return '';
    const tree = 'Path' in type.properties ? resource.properties.entries.get('Path')?.value : undefined;
    const value = tree && this.evaluator.evaluate(tree, pathTo(resource, 'Path'));
    // A path that is no text is reported as a property.
    const path = (value === NO_VALUE ? undefined : textOf(value)) ?? '/';
    const name = (this.nameOf(resource) ?? '').replace(/^https:\/\//, '');
    return `arn:${PARTITION_TOKEN}:iam::${ACCOUNT_TOKEN}:${type.arnPrefix}${path}${name}`;
  }

  /** Returns the name of an entity. Reports one that CloudFormation would make up. */
  nameOf(resource: Resource): string | undefined {
    const { logicalId } = resource;
    if (this.names.has(logicalId)) return this.names.get(logicalId);
    const { name } = entityTypeOf(resource.type) ?? {};
    if (name === undefined || name === null) return undefined;
    if (this.open.has(logicalId)) {
      this.refuse(
        resource.at,
        pathTo(resource, name.property),
        `the name of ${logicalId} depends on itself`,
        'write it',
      );
      return;
    }
    this.open.add(logicalId);
    const text = this.readName(resource, name);
    this.open.delete(logicalId);
    this.names.set(logicalId, text);
    return text;
  }

  private readName(resource: Resource, { property, isGenerated }: NonNullable<EntityType['name']>): string | undefined {
    const { logicalId, properties, at } = resource;
    const path = pathTo(resource, property);
    const tree = properties.entries.get(property)?.value;
    const value = tree === undefined ? NO_VALUE : this.evaluator.evaluate(tree, path);
    if (value === undefined) return undefined;
    if (value !== NO_VALUE && tree !== undefined) {
      this.use.named.add(logicalId);
      return this.evaluator.text(tree, path);
    }
    const option =
      isGenerated && Object.hasOwn(this.options.names, logicalId) ? this.options.names[logicalId] : undefined;
    if (option !== undefined) return option;
    // The name goes with the type, which is reported.
    if (resource.written.type !== resource.type) return;
    const message = isGenerated
      ? `${logicalId} has no ${property}: CloudFormation makes one up, with a random part`
      : `${logicalId} has no ${property}`;
    this.refuse(
      at,
      path,
      message,
      isGenerated ? `give it with --resource-name ${logicalId}=NAME` : `write ${property}`,
    );
  }

  /** Returns the problems of options that nothing in the template takes. Call it when all is evaluated. */
  unused(): readonly Problem[] {
    const given = this.given.unused(this.template, this.asked);
    return [...given, ...unusedOptions(this.template, this.options, this.use)];
  }

  /** Returns warnings about options that a condition leaves without effect. Call it when all is evaluated. */
  ineffective(): readonly Problem[] {
    return ineffectiveOptions(this.template, this.options, this.use, (resource) => this.isCreated(resource));
  }

  private pseudo(name: string, at: SourceOffset, path: Path): Value {
    const { region, stackName } = this.options;
    const option = (value: string | undefined, flag: string): Value => {
      if (value !== undefined) return scalarTree(at, value);
      this.refuse(at, path, `${name} has no value`, `give it with ${flag}`);
    };
    switch (name) {
      case 'AWS::AccountId':
        return scalarTree(at, ACCOUNT_TOKEN);
      case 'AWS::Partition':
        return scalarTree(at, PARTITION_TOKEN);
      case 'AWS::Region':
        return option(region, '--region REGION');
      case 'AWS::StackName':
        return option(stackName, '--stack-name NAME');
      case 'AWS::URLSuffix':
        return scalarTree(at, urlSuffixOf(this.partition));
      case 'AWS::NoValue':
        return NO_VALUE;
      default: {
        const value = this.value(name, at);
        const message = `${name} is known to AWS only`;
        if (value === undefined) this.refuse(at, path, message, `give it with --parameter ${name}=VALUE`);
        return value;
      }
    }
  }

  /** Returns a resource, or the value that the caller gave for it. */
  private resource(
    logicalId: string,
    attribute: string | null,
    at: SourceOffset,
    path: Path,
  ): { readonly value: Tree } | { readonly resource: Resource; readonly type: EntityType | undefined } | undefined {
    const key = attribute === null ? logicalId : `${logicalId}.${attribute}`;
    const { resources, parameters } = this.template;
    const resource = resources.get(logicalId);
    if (this.template.refused.has(logicalId)) return undefined;
    if (resource === undefined) {
      const remedy = suggestion(logicalId, [...parameters.keys(), ...resources.keys()], 'declare it');
      this.refuse(at, path, `${quoted(logicalId)} is no parameter or resource of the template`, remedy);
      return;
    }
    const isCreated = this.isCreated(resource);
    if (isCreated === undefined) return undefined;
    if (isCreated) {
      const given = isComputed(resource.type, attribute) ? undefined : this.value(key, at);
      return given === undefined ? { resource, type: entityTypeOf(resource.type) } : { value: given };
    }
    const message = `${logicalId} is referred to, but its condition ${resource.condition ?? ''} does not hold`;
    this.refuse(at, path, message, 'use Fn::If with the same condition here, or change the parameters');
  }

  private unknown({ logicalId, type }: Resource, key: string, at: SourceOffset, path: Path): undefined {
    const known = entityTypeOf(type);
    const [, attribute = ''] = splitOnce(key);
    const meant = nearest(attribute, known?.arnAttributes ?? []);
    if (meant !== undefined) {
      this.refuse(at, path, `${type} has no attribute ${quoted(attribute)}`, `did you mean ${meant}?`);
      return;
    }
    // A type of IAM that is not known is a problem of its resource.
    if (isIam(type) && propertiesOf(type) === undefined) return;
    const message = known === undefined ? `${logicalId} (${type}) becomes no entity` : `${key} is known to AWS only`;
    this.refuse(at, path, message, `give the value with --parameter ${key}=VALUE`);
  }

  private value(name: string, at: SourceOffset): Tree | undefined {
    this.asked.add(name);
    const value = this.given.take(name);
    return value === undefined ? undefined : scalarTree(at, value);
  }
}

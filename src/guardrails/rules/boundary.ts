import { entityId, normalizeName } from '../../contract/entity.js';
import { ownValue } from '../../engine/json.js';
import { render } from '../template.js';
import type { RuleContext } from '../violation.js';
import { namesOf } from './entities.js';
import type { EntityToEvaluate } from '../subject.js';

/** Refuses roles and users without the required permissions boundary, and changes of its policy. */
export function checkBoundary(context: RuleContext, subject: EntityToEvaluate): void {
  const { refuse } = context;
  const { entity, fields, spec } = subject;
  const required = requiredBoundary(context);
  if (required === undefined) return;
  const id = entityId(entity);
  if (entity.kind === 'Policy' && required !== null && namesOf(entity).some((name) => isPolicyNamed(required, name))) {
    refuse(BOUNDARY, `${id} is the required permissions boundary itself`);
  }
  if (!fields.includes('permissionsBoundary') || entity.state !== 'present') return;
  const declared = ownValue(spec, 'permissionsBoundary');
  if (required !== null && declared === required) return;
  const has = typeof declared === 'string' ? `has the permissions boundary ${declared}` : 'has no permissions boundary';
  refuse(BOUNDARY, `${id} ${has}: declare permissionsBoundary: ${required ?? ''}`);
}

/** The path of the rule. */
export const BOUNDARY = ['permissionsBoundary', 'required'];

/** Returns the ARN of the required boundary. Null where it cannot be told, undefined where none is required. */
export function requiredBoundary({ rules, scope }: RuleContext): string | null | undefined {
  const text = rules.permissionsBoundary?.required;
  return text === undefined ? undefined : (render(text, scope) ?? null);
}

/** Reports whether an ARN is that of a policy of this name. IAM takes names that differ in case or path for one. */
export function isPolicyNamed(arn: string, name: string): boolean {
  return normalizeName(arn.slice(arn.lastIndexOf('/') + 1)) === normalizeName(name);
}

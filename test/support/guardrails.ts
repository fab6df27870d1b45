import type { DesiredEntity, JsonObject, Target } from '../../src/contract/entity.js';
import { evaluateEntity } from '../../src/guardrails/evaluate.js';
import { parseGuardrails, type Guardrails } from '../../src/guardrails/parse.js';
import type { Scope } from '../../src/guardrails/template.js';
import type { Violation } from '../../src/guardrails/violation.js';
import { KINDS } from '../../src/kinds/index.js';
import { desired } from './desired.js';

export const ACCOUNT = '111111111111';

/** Parses guardrails that must be valid. `version` and `accounts` come first, unless the text has its own. */
export function guardrailsOf(text: string): Guardrails {
  const header = text.includes('accounts:\n') || text.startsWith('accounts:') ? '' : `accounts: { "${ACCOUNT}": {} }\n`;
  return guardrailsFrom(`version: 1\n${header}${text}`);
}

/** Parses a whole guardrails file, which must be valid. */
export function guardrailsFrom(text: string): Guardrails {
  const parsed = parseGuardrails('guardrails.yaml', text, { kinds: KINDS.map(({ name }) => name) });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.guardrails;
}

/** Returns the scope of a request. Default: account 111111111111, namespace `ci`, environment `prod`. */
export function scopeOf({
  target,
  ...more
}: Partial<Omit<Scope, 'target'>> & { readonly target?: Partial<Target> } = {}): Scope {
  return { target: { account: ACCOUNT, partition: 'aws', ...target }, namespace: 'ci', environment: 'prod', ...more };
}

/** Returns the violations of one entity. */
export function violationsOf(
  guardrails: Guardrails,
  kindName: string,
  spec: JsonObject,
  {
    scope = scopeOf(),
    declaredPolicies = [],
    observed = null,
    ...more
  }: Partial<DesiredEntity> & {
    readonly scope?: Scope;
    readonly declaredPolicies?: readonly string[];
    readonly observed?: { readonly state: JsonObject } | null | undefined;
  } = {},
): readonly Violation[] {
  const kind = KINDS.find(({ name }) => name === kindName);
  if (kind === undefined) throw new RangeError(`no kind ${kindName}`);
  return evaluateEntity(guardrails, scope, {
    entity: desired(kindName, kind.nameOf(spec), spec, more),
    spec,
    fields: Object.keys(kind.schema.shape),
    observed,
    declaredPolicies: new Set(declaredPolicies),
  });
}

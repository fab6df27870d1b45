import { entityKey } from '../../contract/entity.js';
import type { AccountSummary, LookedUp } from '../../contract/look-up.js';
import type { Finding } from '../../contract/preflight.js';
import { findKind } from '../../kinds/index.js';
import type { Item, PlanItems } from './items.js';

/** The use that a create makes of a quota. */
interface Use {
  /** The thing that is counted, within what is limited. */
  readonly key: string;
  /** The name of the quota in `GetAccountSummary`. */
  readonly quota: string;
  readonly used: number;
  readonly adds: number;
}

/** Counts what plans add to the quotas of accounts. */
export class Quotas {
  readonly #summaries: ReadonlyMap<string, AccountSummary>;
  readonly #added = new Map<string, number>();
  /** The entities of a kind that plans destroy. */
  readonly #freed = new Map<string, number>();

  constructor(plans: readonly PlanItems[], summaries: ReadonlyMap<string, AccountSummary>) {
    this.#summaries = summaries;
    for (const { scope, type, subject, change } of plans.flatMap(({ deletes }) => deletes)) {
      if (subject === null || Object.keys(subject.members).length > 0 || !change.actions.includes('delete')) continue;
      const key = `${scope} ${type?.kind ?? ''}`;
      if (change.actions.length === 1) this.#freed.set(key, (this.#freed.get(key) ?? 0) + 1);
    }
  }

  /** Returns a finding, or that of a quota that leaves no room for its create. */
  check(finding: Finding, item: Item, found: LookedUp): Finding {
    const summary = this.#summaries.get(item.target?.account ?? '');
    if (finding.verdict !== 'create' || summary === undefined) return finding;
    const use = entityUse(item, summary) ?? attachmentUse(item, found);
    const limit = summary[use?.quota ?? ''];
    if (use === undefined || limit === undefined) return finding;
    const added = (this.#added.get(use.key) ?? 0) + use.adds;
    this.#added.set(use.key, added);
    const above = use.used + added - limit;
    if (use.adds === 0 || above <= 0) return finding;
    const note = `${use.quota} is used up, and nothing makes Terraform destroy others before this create`;
    return above <= (this.#freed.get(use.key) ?? 0)
      ? { ...finding, notes: [...finding.notes, note] }
      : { ...finding, ...limitReached(item, use, limit, added) };
  }
}

/** Returns the prediction for a create that exceeds a quota. */
function limitReached({ type }: Item, { quota, used }: Use, limit: number, added: number) {
  return {
    verdict: 'limit' as const,
    error: { operation: type?.operation ?? '', code: 'LimitExceeded' },
    reason: `${quota} is ${String(limit)}; ${String(used)} are there, and the plans add ${String(added)} up to this one`,
    remedy: 'make room first, or ask for a higher quota in Service Quotas',
  };
}

/** Returns what an entity uses of the quota of its kind; undefined for other resources. */
function entityUse({ scope, type, subject, change, isRename }: Item, summary: AccountSummary): Use | undefined {
  const { quota } = findKind(type?.kind ?? '') ?? {};
  const used = summary[quota?.used ?? ''];
  if (quota === undefined || used === undefined || Object.keys(subject?.members ?? {}).length > 0) return undefined;
  const makesRoom = isRename || change.actions[0] === 'delete';
  return { key: `${scope} ${type?.kind ?? ''}`, quota: quota.limit, used, adds: makesRoom ? 0 : 1 };
}

/** Returns what an attachment uses of the quota of its role, user or group; undefined for other resources. */
function attachmentUse({ scope, type, subject, change }: Item, { members }: LookedUp): Use | undefined {
  const wanted = subject?.members['managedPolicyArns'];
  if (type === undefined || subject === null || wanted === undefined || type.ifPresent !== 'nothing') return undefined;
  const { present, others, omitted } = members['managedPolicyArns'] ?? { present: [], others: [], omitted: 0 };
  return {
    key: `${scope} ${entityKey({ kind: type.kind, name: subject.name })}`,
    quota: `AttachedPoliciesPer${type.kind}Quota`,
    used: present.length + others.length + omitted,
    adds: change.actions[0] === 'delete' ? 0 : wanted.length - present.length,
  };
}

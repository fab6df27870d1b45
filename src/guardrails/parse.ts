import { createHash } from 'node:crypto';
import { issuesToProblems } from '../engine/manifest/issues.js';
import { positionText, type Problem } from '../engine/manifest/problem.js';
import { parseText } from '../engine/manifest/source.js';
import { follow, positionOf, problemAt, toJson, type Tree } from '../engine/manifest/tree.js';
import { suggestion } from '../engine/text.js';
import { identityProblems } from './identity-problems.js';
import { guardrailsSchema, type GuardrailRules, type RuleSet } from './schema.js';

/** The limits that the operator of a worker sets, with the positions of all rules. */
export interface Guardrails {
  /** The name of the file, in messages. */
  readonly file: string;
  /** `sha256:…` of the file's text. */
  readonly digest: string;
  readonly rules: GuardrailRules;
  /** Returns the position of a rule, as `guardrails.yaml:12:5`. */
  readonly placeOf: (path: readonly PropertyKey[]) => string;
}

/** Guardrails, or the problems of their file. */
export type ParsedGuardrails =
  | { readonly ok: true; readonly guardrails: Guardrails }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Kinds that exist, by name. A kind that is misspelled would be denied to nobody. */
interface ParseOptions {
  readonly kinds: readonly string[];
}

const REMEDIES = {
  empty: 'begin with version: 1 and accounts',
  large: 'shorten it',
  severalDocuments: 'keep one document in the file',
};

/** Parses a guardrails file. Whatever is unknown in it is a problem: a rule that is not understood protects nobody. */
export function parseGuardrails(file: string, text: string, { kinds }: ParseOptions): ParsedGuardrails {
  const { tree, problems } = parseText(file, text, REMEDIES);
  if (tree === null) return { ok: false, problems };
  const parsed = guardrailsSchema.safeParse(toJson(tree));
  if (!parsed.success) {
    const context = {
      tree,
      pathOf: (path: readonly PropertyKey[]) => path,
      owner: 'guardrails',
      fields: Object.keys(guardrailsSchema.shape),
    };
    return { ok: false, problems: issuesToProblems(parsed.error.issues, context) };
  }
  const unknown = [...unknownKinds(parsed.data, tree, kinds), ...identityProblems(parsed.data, tree)];
  if (unknown.length > 0) return { ok: false, problems: unknown };
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const placeOf = (path: readonly PropertyKey[]): string => positionText(positionOf(follow(tree, path).at));
  return { ok: true, guardrails: { file, digest, rules: parsed.data, placeOf } };
}

function unknownKinds(rules: GuardrailRules, tree: Tree, kinds: readonly string[]): Problem[] {
  const sets: (readonly [readonly PropertyKey[], RuleSet])[] = [
    [[], rules],
    ...Object.entries(rules.accounts).map(([id, own]) => [['accounts', id], own] as const),
  ];
  return sets.flatMap(([at, { entities }]) =>
    (['allow', 'deny'] as const).flatMap((list) =>
      (entities?.kinds?.[list] ?? []).flatMap((kind, index) => {
        if (kinds.includes(kind)) return [];
        const path = [...at, 'entities', 'kinds', list, index];
        const remedy = suggestion(kind, kinds, 'name a kind');
        return [problemAt(follow(tree, path).at, path, `there is no kind ${JSON.stringify(kind)}`, remedy)];
      }),
    ),
  );
}

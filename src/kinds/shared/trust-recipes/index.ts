import { z } from 'zod';
import type { Json, JsonObject, Target } from '../../../contract/entity.js';
import { asList } from '../../../contract/json.js';
import { isObject, jsonFrom, objectOrEmpty, ownValue } from '../../../engine/json.js';
import { equivalentDocuments } from '../../../engine/policy/index.js';
import { buildkite } from './buildkite.js';
import { circleci } from './circleci.js';
import { eks } from './eks.js';
import { eksPodIdentity } from './eks-pod-identity.js';
import { github } from './github.js';
import { gitlab } from './gitlab.js';
import type { GuessContext, TrustRecipe } from './recipe.js';
import { terraformCloud } from './terraform-cloud.js';

/** Every trust recipe, one line each. */
const TRUST_RECIPES: readonly TrustRecipe[] = [
  buildkite,
  circleci,
  eks,
  eksPodIdentity,
  github,
  gitlab,
  terraformCloud,
];

/** The recipes of a role, by name. */
export const trustField = z
  .strictObject(Object.fromEntries(TRUST_RECIPES.map(({ name, schema }) => [name, schema.optional()])))
  .refine((recipes) => Object.keys(recipes).length > 0, { message: 'needs a recipe' })
  .describe('Recipes for the trust policy, in place of `assumeRolePolicyDocument`.');

/** Returns the trust policy that recipes stand for. */
export function trustPolicyOf(value: Json, target: Target): JsonObject {
  const written = value as JsonObject;
  const used = TRUST_RECIPES.filter(({ name }) => Object.hasOwn(written, name));
  return { Version: '2012-10-17', Statement: used.map(({ name, statement }) => statement(written[name], target)) };
}

/** Returns the recipes that stand for a trust policy; undefined where it means something that no recipes do. */
export function trustRecipesOf(document: Json, context: GuessContext): JsonObject | undefined {
  const recipes: Record<string, Json> = {};
  for (const statement of asList(ownValue(objectOrEmpty(document), 'Statement') ?? [])) {
    const found = isObject(statement) ? recipeOf(statement, context) : undefined;
    if (found === undefined || Object.hasOwn(recipes, found.name)) return undefined;
    recipes[found.name] = found.value;
  }
  const isSame =
    Object.keys(recipes).length > 0 &&
    equivalentDocuments(trustPolicyOf(recipes, context.target), document, context.target);
  return isSame ? recipes : undefined;
}

function recipeOf(
  statement: JsonObject,
  context: GuessContext,
): { readonly name: string; readonly value: Json } | undefined {
  for (const { name, schema, guess, statement: statementOf } of TRUST_RECIPES) {
    const value = jsonFrom(guess(statement, context));
    if (!schema.safeParse(value).success) continue;
    const written = { Statement: statementOf(value, context.target) };
    if (equivalentDocuments(written, { Statement: statement }, context.target)) return { name, value };
  }
  return undefined;
}

import { z } from 'zod';
import type { Json, JsonObject, Target } from '../../../contract/entity.js';
import { buildkite } from './buildkite.js';
import { circleci } from './circleci.js';
import { eks } from './eks.js';
import { eksPodIdentity } from './eks-pod-identity.js';
import { github } from './github.js';
import { gitlab } from './gitlab.js';
import type { TrustRecipe } from './recipe.js';
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

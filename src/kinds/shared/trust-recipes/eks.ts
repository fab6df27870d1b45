import { z } from 'zod';
import { listOf, oidcFields, oidcStatement, part, parts, recipe } from './recipe.js';

const schema = z.strictObject({
  ...oidcFields,
  issuer: z.string().regex(/^(?!https?:)[^*?\s]+[^/*?\s]$/, 'must be the URL of the issuer without https://'),
  namespace: part,
  serviceAccount: parts,
});

/** Service accounts of Kubernetes in EKS (IRSA). */
export const eks = recipe('eks', schema, ({ issuer, audience = 'sts.amazonaws.com', provider, ...it }, target) =>
  oidcStatement(
    { issuer, audience, provider },
    listOf(it.serviceAccount).map((name) => `system:serviceaccount:${it.namespace}:${name}`),
    target,
  ),
);

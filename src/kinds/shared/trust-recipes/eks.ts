import { z } from 'zod';
import { omitUndefined } from '../spec.js';
import {
  listOf,
  matchSubjects,
  oidcFields,
  oidcPartsOf,
  oidcStatement,
  oneOrMany,
  part,
  parts,
  recipe,
} from './recipe.js';

const schema = z.strictObject({
  ...oidcFields,
  issuer: z.string().regex(/^(?!https?:)[^*?\s]+[^/*?\s]$/, 'must be the URL of the issuer without https://'),
  namespace: part,
  serviceAccount: parts,
});

/** Service accounts of Kubernetes in EKS (IRSA). */
export const eks = recipe(
  'eks',
  schema,
  ({ issuer, audience = 'sts.amazonaws.com', provider, ...it }, target) =>
    oidcStatement(
      { issuer, audience, provider },
      listOf(it.serviceAccount).map((name) => `system:serviceaccount:${it.namespace}:${name}`),
      target,
    ),
  (statement, context) => {
    const { subjects = [], fields } = oidcPartsOf(statement, context) ?? {};
    const found = matchSubjects(subjects, /^system:serviceaccount:(?<namespace>[^:]+):(?<name>.+)$/);
    if (found === undefined) return undefined;
    const [{ namespace } = {}] = found;
    return omitUndefined({ ...fields, namespace, serviceAccount: oneOrMany(found.map(({ name }) => name)) });
  },
);

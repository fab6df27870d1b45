import { z } from 'zod';
import { asList } from '../../../contract/json.js';
import { objectOrEmpty, ownValue, strings } from '../../../engine/json.js';
import { omitUndefined } from '../spec.js';
import { listOf, oneOrMany, part, parts, recipe } from './recipe.js';

const cluster = z.string().regex(/^arn:[\w-]+:eks:[\w-]+:\d{12}:cluster\/[\w-]+$/, 'must be the ARN of a cluster');

const schema = z.strictObject({
  namespace: part,
  serviceAccount: parts,
  cluster: z
    .union([cluster, z.array(cluster).min(1)])
    .optional()
    .describe('The ARN of the cluster. Default: every cluster of the account.'),
});

/** Service accounts of Kubernetes in EKS, by the session tags of EKS Pod Identity. */
export const eksPodIdentity = recipe(
  'eksPodIdentity',
  schema,
  (it, { account }) => ({
    Effect: 'Allow',
    Principal: { Service: 'pods.eks.amazonaws.com' },
    Action: ['sts:AssumeRole', 'sts:TagSession'],
    Condition: {
      StringEquals: {
        'aws:SourceAccount': account,
        ...(it.cluster === undefined ? {} : { 'aws:RequestTag/eks-cluster-arn': [...listOf(it.cluster)] }),
        'aws:RequestTag/kubernetes-namespace': it.namespace,
        'aws:RequestTag/kubernetes-service-account': [...listOf(it.serviceAccount)],
      },
    },
  }),
  (statement) => {
    const claims = objectOrEmpty(ownValue(objectOrEmpty(ownValue(statement, 'Condition')), 'StringEquals'));
    const tag = (name: string) => oneOrMany(strings(asList(ownValue(claims, `aws:RequestTag/${name}`) ?? [])));
    const namespace = tag('kubernetes-namespace');
    if (namespace === undefined) return undefined;
    return omitUndefined({
      namespace,
      serviceAccount: tag('kubernetes-service-account'),
      cluster: tag('eks-cluster-arn'),
    });
  },
);

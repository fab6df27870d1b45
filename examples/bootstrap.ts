// A manifest as a program: one role for each service, and a new service is one word.
import { defineBootstrap } from '@iam-bootstrap/iam-bootstrap';

const services = ['billing', 'checkout', 'search'];

export default defineBootstrap({
  version: 1,
  namespace: 'services',
  environments: {
    dev: { account: '111111111111' },
    prod: { account: '222222222222', assumeRole: 'arn:aws:iam::222222222222:role/iam-bootstrap' },
  },
  defaults: { path: '/service/', tags: { team: 'platform' } },
  entities: services.map((service) => ({
    kind: 'Role',
    roleName: `{{environment}}-${service}`,
    assumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    },
    inlinePolicies: {
      configuration: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['ssm:GetParameter', 'ssm:GetParametersByPath'],
            Resource: `arn:{{partition}}:ssm:*:{{account}}:parameter/{{environment}}/${service}/*`,
          },
        ],
      },
    },
    tags: { service },
  })),
});

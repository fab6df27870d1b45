import type { Notification } from '../../src/contract/notification.js';

/** A notification, for tests. */
export const TOLD: Notification = {
  id: 'run.refused:4be7',
  type: 'run.refused',
  at: '2026-03-04T05:06:07.000Z',
  subject: {
    account: '111111111111',
    namespace: 'platform',
    environment: 'prod',
    workflowId: 'iam-bootstrap:111111111111:platform',
    runId: '4be7',
    url: 'https://ci.example.com/7',
  },
  summary: '2 of 3 entities were refused',
  reason: null,
  remedy: null,
  counts: { refused: 2, unchanged: 1 },
  entities: [
    { id: 'Role/deploy', line: 'owned by Terraform' },
    { id: 'Role/other', line: 'owned by CloudFormation' },
  ],
  omittedEntities: 4,
};

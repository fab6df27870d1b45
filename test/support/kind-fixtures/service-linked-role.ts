import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const SERVICE = 'autoscaling.amazonaws.com';
const ROLE = { RoleName: 'AWSServiceRoleForAutoScaling_law' };

/** A role that a service uses for itself. */
export const SERVICE_LINKED_ROLE: KindFixture = {
  prerequisites: [],
  minimal: { awsServiceName: SERVICE, customSuffix: 'law' },
  full: {
    awsServiceName: SERVICE,
    customSuffix: 'law',
    description: 'A role',
    tags: { team: 'platform', stage: 'test' },
  },
  equivalent: {
    awsServiceName: SERVICE,
    customSuffix: 'law',
    description: 'A role',
    tags: { stage: 'test', team: 'platform' },
  },
  otherCase: { awsServiceName: SERVICE, customSuffix: 'LAW' },
  sibling: { awsServiceName: SERVICE },
  hasAwsAssignedArn: true,
  properties: {
    description: {
      changed: 'Another role',
      manualWrites: [write('UpdateRole', { ...ROLE, Description: 'by hand' })],
      paths: ['description'],
      operations: ['UpdateRole'],
    },
  },
  unmanaged: {
    byHand: [write('TagRole', { ...ROLE, Tags: [{ Key: 'extra', Value: 'by hand' }] })],
    lines: ['tags: extra'],
    operations: ['UntagRole'],
  },
  deletionBlockers: [],
  invalid: {
    'no service': { customSuffix: 'law' },
    'a suffix with a slash': { awsServiceName: SERVICE, customSuffix: 'a/b' },
    'a description with characters that IAM refuses': { awsServiceName: SERVICE, description: '\u2013' },
  },
};

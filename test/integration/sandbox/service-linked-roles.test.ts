import { setTimeout } from 'node:timers/promises';
import {
  ACCOUNT,
  ADMINISTRATOR,
  TAGS,
  TRUST,
  iam,
  outcomeOf,
  outcomesOf,
  policyOf,
  setInUse,
  useSandbox,
} from '../../support/iam-sandbox.js';

useSandbox();

const create = (AWSServiceName: string, rest: object = {}) => iam.createServiceLinkedRole({ AWSServiceName, ...rest });
const SCALING = 'autoscaling.amazonaws.com';
const RoleName = 'AWSServiceRoleForAutoScaling';
const remove = async () => (await iam.deleteServiceLinkedRole({ RoleName })).DeletionTaskId;
const deletion = (DeletionTaskId: string | undefined) => iam.getServiceLinkedRoleDeletionStatus({ DeletionTaskId });

test('the service determines name and path', async () => {
  const { Role } = await create(SCALING, { Description: 'scales' });
  expect(Role).toMatchObject({
    RoleName,
    Path: `/aws-service-role/${SCALING}/`,
    Arn: `arn:aws:iam::${ACCOUNT}:role/aws-service-role/${SCALING}/${RoleName}`,
    Description: 'scales',
  });
  const named = async (service: string, rest: object = {}) => (await create(service, rest)).Role?.RoleName;
  expect(await named(SCALING, { CustomSuffix: 'two' })).toBe('AWSServiceRoleForAutoScaling_two');
  expect(await named('ecs.amazonaws.com')).toBe('AWSServiceRoleForECS');
  expect(await named('elasticbeanstalk.amazonaws.com')).toBe('AWSServiceRoleForElasticBeanstalk');
  expect(await named('ecs.application-autoscaling.amazonaws.com')).toBe(
    'AWSServiceRoleForApplicationAutoScaling_ECSService',
  );
});

test('a role is created once per suffix, and a suffix requires a service that allows it', async () => {
  await create(SCALING);
  expect(await outcomeOf(create(SCALING))).toBe(
    `400 InvalidInput: Service role name ${RoleName} has been taken in this account, ` +
      'please try a different suffix.',
  );
  expect(await outcomeOf(create('rds.amazonaws.com', { CustomSuffix: 'x' }))).toBe(
    '400 InvalidInput: Custom suffix is not allowed for rds.amazonaws.com',
  );
  expect(await outcomeOf(create('nonsense'))).toMatch(/^400 InvalidInput/);
  expect(await outcomeOf(create(SCALING, { CustomSuffix: 'x'.repeat(64) }))).toMatch(/^400 InvalidInput/);
});

test('only description and tags can be changed', async () => {
  await create(SCALING);
  await iam.createInstanceProfile({ InstanceProfileName: 'i' });
  const changes = [
    iam.updateRole({ RoleName, Description: 'mine', MaxSessionDuration: 7200 }),
    iam.updateAssumeRolePolicy({ RoleName, PolicyDocument: TRUST }),
    iam.putRolePolicy({ RoleName, PolicyName: 'p', PolicyDocument: policyOf() }),
    iam.attachRolePolicy({ RoleName, PolicyArn: ADMINISTRATOR }),
    iam.putRolePermissionsBoundary({ RoleName, PermissionsBoundary: ADMINISTRATOR }),
    iam.addRoleToInstanceProfile({ RoleName, InstanceProfileName: 'i' }),
    iam.deleteRole({ RoleName }),
  ];
  expect(await outcomesOf(changes)).toEqual(Array(7).fill(expect.stringMatching(/^400 UnmodifiableEntity/)));
  await iam.updateRole({ RoleName, Description: 'first' });
  expect((await iam.getRole({ RoleName })).Role?.Description).toBe('first');
  await iam.updateRoleDescription({ RoleName, Description: 'second' });
  await iam.tagRole({ RoleName, Tags: TAGS });
  expect((await iam.getRole({ RoleName })).Role).toMatchObject({ Description: 'second', Tags: TAGS });
});

test('one task at a time deletes a role', async () => {
  await create(SCALING);
  const task = await remove();
  expect(task).toMatch(new RegExp(`^task/aws-service-role/${SCALING}/${RoleName}/[0-9a-f-]{36}$`));
  expect((await deletion(task)).Status).toBe('NOT_STARTED');
  expect(await remove()).toBe(task);
  expect((await deletion(task)).Status).toBe('IN_PROGRESS');
  expect(await outcomeOf(iam.getRole({ RoleName }))).toBe('accepted');
  expect(await outcomeOf(create(SCALING))).toMatch(/^400 InvalidInput: .* has been taken/);
  expect((await deletion(task)).Status).toBe('SUCCEEDED');
  const gone = [iam.getRole({ RoleName }), iam.deleteServiceLinkedRole({ RoleName }), deletion(`${String(task)}x`)];
  expect(await outcomesOf(gone)).toEqual(Array(3).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  await create(SCALING);
  expect((await deletion(task)).Status).toBe('SUCCEEDED');
  expect(await outcomeOf(iam.getRole({ RoleName }))).toBe('accepted');
  expect(await outcomeOf(deletion('nonsense'))).toMatch(/^400 InvalidInput/);
});

test('a deletion finishes even if nobody reads its status', async () => {
  await create(SCALING);
  const task = await remove();
  expect(await outcomeOf(iam.getRole({ RoleName }))).toBe('accepted');
  await setTimeout(5_500);
  expect(await outcomeOf(iam.getRole({ RoleName }))).toMatch(/^404 NoSuchEntity/);
  expect((await deletion(task)).Status).toBe('SUCCEEDED');
});

test('a role in use is not deleted', async () => {
  await create(SCALING);
  expect(await setInUse(RoleName)).toBe(200);
  const end = async (task: string | undefined) => {
    await deletion(task);
    await deletion(task);
    return deletion(task);
  };
  const failed = await remove();
  const { Status, Reason } = await end(failed);
  expect(Status).toBe('FAILED');
  expect(Reason?.Reason).toEqual(expect.any(String));
  expect(Reason?.RoleUsageList).toEqual([
    { Region: 'us-east-1', Resources: [`arn:aws:autoscaling:us-east-1:${ACCOUNT}:resource/${RoleName}`] },
  ]);
  expect(await outcomeOf(iam.getRole({ RoleName }))).toBe('accepted');
  await setInUse(RoleName, { inUse: false });
  const task = await remove();
  expect(task).not.toBe(failed);
  expect((await end(task)).Status).toBe('SUCCEEDED');
  expect((await deletion(failed)).Status).toBe('FAILED');
  expect(await setInUse(RoleName)).toBe(400);
});

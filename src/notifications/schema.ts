import { z } from 'zod';
import { NOTIFICATION_TYPES } from '../contract/notification.js';
import { ACCOUNT } from '../contract/request.js';
import { templateProblem } from './template.js';
import { receiverUrlProblem } from './receiver-url.js';

/** The longest template, in characters. */
const MAX_TEMPLATE = 4_000;

const secretLocation = z
  .union([
    z.strictObject({
      file: z.string().min(1).describe('File with the secret. A relative path starts at the folder of this file.'),
    }),
    z.strictObject({
      environment: z
        .string()
        .regex(/^[A-Za-z_]\w*$/, 'write the name of an environment variable')
        .describe('Environment variable of the worker with the secret.'),
    }),
    z.strictObject({
      secretsManager: z.string().min(1).max(2_048).describe('Name or ARN of a secret in AWS Secrets Manager.'),
    }),
  ])
  .describe('Location of a secret. The worker reads it at each delivery, so that a new value needs no restart.');

/** The location of a secret that a channel uses. */
export type ChannelSecret = z.infer<typeof secretLocation>;

const receiverUrl = z
  .string()
  .max(2_048)
  .superRefine((url, context) => {
    const problem = receiverUrlProblem(url);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const webhook = z
  .strictObject({
    url: z.union([receiverUrl, secretLocation]).describe('Address of the receiver, or the location of it.'),
    secret: secretLocation.describe(
      'Key of the signature in the form of Standard Webhooks: `whsec_` and 24 to 64 bytes in Base64. Further lines are older keys, which sign as well.',
    ),
  })
  .describe('Posts a CloudEvent with a signature.');

const slack = z
  .strictObject({
    url: secretLocation.describe('Location of the address of the incoming webhook, which is a secret.'),
  })
  .describe("Posts to an incoming webhook of Slack, or of a service that takes Slack's format.");

const sns = z
  .strictObject({
    topicArn: z
      .string()
      .regex(/^arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+(?:\.fifo)?$/, 'write the ARN of an SNS topic')
      .describe('ARN of the topic.'),
    assumeRole: z
      .string()
      .regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/, 'write the ARN of a role')
      .optional()
      .describe("Role that the worker assumes to publish. Default: the worker's own credentials."),
    externalId: z
      .string()
      .regex(/^[\w+=,.@:/-]{2,1224}$/, 'use 2 to 1224 letters, digits and _+=,.@:/-')
      .optional()
      .describe('External ID that the worker gives when it assumes the role.'),
  })
  .describe('Publishes to a topic of Amazon SNS.');

const patterns = z.array(z.string().min(1).max(128)).min(1);

const FAMILIES = ['drift.*', 'run.*', 'approval.*'] as const;

const channel = z
  .strictObject({
    webhook: webhook.optional(),
    slack: slack.optional(),
    sns: sns.optional(),
    types: z
      .array(z.enum([...NOTIFICATION_TYPES, ...FAMILIES]))
      .min(1)
      .optional()
      .describe('Types of notifications that the channel takes. Default: all.'),
    accounts: z
      .array(z.string().regex(ACCOUNT, 'write the twelve digits of the account, in quotes'))
      .min(1)
      .optional()
      .describe('Accounts that the channel is told about. What a fleet tells is of no single one. Default: all.'),
    namespaces: patterns
      .optional()
      .describe('Namespaces that the channel is told about; `*` stands for any text. Default: all.'),
    environments: patterns
      .optional()
      .describe('Environments that the channel is told about; `*` stands for any text. Default: all.'),
    details: z
      .boolean()
      .optional()
      .describe(
        'Tells reasons, remedies, the address of the CI job, and the names of entities. Default: true; false on workers that encrypt what Temporal keeps.',
      ),
    template: z
      .string()
      .min(1)
      .max(MAX_TEMPLATE)
      .superRefine((text, context) => {
        const problem = templateProblem(text);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .optional()
      .describe('Text with `{{field}}` templates. Default: title, summary, reason, entities, remedy and addresses.'),
  })
  .refine((one) => [one.webhook, one.slack, one.sns].filter((to) => to !== undefined).length === 1, {
    message: 'a channel has one of webhook, slack and sns',
  });

/** The configuration of one channel. */
export type Channel = z.infer<typeof channel>;

/** The file with the channels that a worker tells people by. */
export const notificationsSchema = z.strictObject({
  version: z.literal(1).describe('Version of the format.'),
  channels: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'use 1 to 63 lower-case letters, digits and hyphens'),
      channel,
    )
    .describe('Channels by name.'),
});

/** The content of a notifications file. */
export type NotificationsFile = z.infer<typeof notificationsSchema>;

/** Returns the JSON Schema of the file, for editors: completion, and checks while typing. */
export function notificationsJsonSchema(): Readonly<Record<string, unknown>> {
  return { title: 'iam-bootstrap notifications', ...z.toJSONSchema(notificationsSchema, { io: 'input' }) };
}

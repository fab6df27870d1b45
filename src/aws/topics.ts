import { createHash } from 'node:crypto';
import type { PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';

/** Bytes of the subject of an e-mail that SNS takes. */
const MAX_SUBJECT = 100;

/** A message to a topic of SNS. */
export interface TopicMessage {
  /** Stays the same in each attempt. */
  readonly id: string;
  readonly subject: string;
  /** The message for programs. */
  readonly json: string;
  /** The message for people, by e-mail. */
  readonly text: string;
  /** By these, subscriptions can filter. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Publishes messages to the topics of SNS. */
export interface Topics {
  /** Publishes a message. Throws the SDK's error. */
  publish(topicArn: string, message: TopicMessage): Promise<void>;
}

/**
 * Makes the topics of SNS, with a client for each region.
 *
 * @param clientIn - returns a client. Called only when one is needed: most workers need none, and its code is large
 */
export function createTopics(clientIn: (region: string) => Promise<SNSClient>): Topics {
  const clients = new Map<string, Promise<SNSClient>>();
  return {
    publish: async (topicArn, message) => {
      const region = topicArn.split(':')[3] ?? '';
      const client = clients.get(region) ?? clientIn(region);
      clients.set(region, client);
      const { PublishCommand } = await import('@aws-sdk/client-sns');
      await (await client).send(new PublishCommand(publishInput(topicArn, message)));
    },
  };
}

function publishInput(
  TopicArn: string,
  { id, subject, json, text, attributes }: TopicMessage,
): PublishCommandInput & { readonly TopicArn: string } {
  const values = Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]);
  // The ID may hold what SNS does not take in one of its own.
  const MessageDeduplicationId = createHash('sha256').update(id).digest('hex');
  return {
    TopicArn,
    Subject: subject.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_SUBJECT),
    MessageStructure: 'json',
    Message: JSON.stringify({ default: json, email: text }),
    MessageAttributes: Object.fromEntries(values) as PublishCommandInput['MessageAttributes'],
    ...(TopicArn.endsWith('.fifo') ? { MessageGroupId: 'iam-bootstrap', MessageDeduplicationId } : {}),
  };
}

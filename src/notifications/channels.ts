import type { TopicMessage } from '../aws/topics.js';
import type { Notification } from '../contract/notification.js';
import { matchesWildcard } from '../engine/wildcard.js';
import { CLOUD_EVENT_TYPE, cloudEventOf } from './cloud-event.js';
import { DeliveryError } from './delivery-error.js';
import { type Agents, post } from './post.js';
import { receiverUrlProblem } from './receiver-url.js';
import type { Channel, ChannelSecret, NotificationsFile } from './schema.js';
import { readChannelSecret, type SecretSources } from './secrets.js';
import { renderText, titleOf, type ToldNotification } from './template.js';
import { parseWebhookKeys, signatureHeaders } from './webhook-signature.js';

/** A topic of SNS, and the role that may publish to it. */
export type Topic = NonNullable<Channel['sns']>;

/** The parts of a worker that channels use. */
export interface ChannelParts extends SecretSources {
  readonly agents: Agents;
  /**
   * Publishes a message.
   *
   * @throws DeliveryError
   */
  readonly publish: (topic: Topic, message: TopicMessage) => Promise<void>;
  /** Returns the address of a run in the Temporal UI; null where it is not known. */
  readonly runUrl: (workflowId: string, runId: string) => string | null;
  /** The worker encrypts what Temporal keeps, so that channels tell no details unless they are asked to. */
  readonly isEncrypting: boolean;
}

/** The channels by which a worker tells people. */
export class Channels {
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #parts: ChannelParts;

  constructor(file: NotificationsFile, parts: ChannelParts) {
    this.#channels = new Map(Object.entries(file.channels));
    this.#parts = parts;
  }

  /** Returns the names of the channels that take a notification. */
  namesFor(notification: Notification): readonly string[] {
    return [...this.#channels].filter(([, channel]) => takes(channel, notification)).map(([name]) => name);
  }

  /**
   * Sends a notification to a channel.
   *
   * @throws DeliveryError where it was not delivered
   */
  async send(name: string, notification: Notification): Promise<void> {
    const channel = this.#channels.get(name);
    if (channel === undefined) throw new DeliveryError(`the notifications file of this worker has no channel ${name}`);
    const { details = !this.#parts.isEncrypting } = channel;
    const { workflowId, runId } = notification.subject;
    const told = {
      ...(details ? notification : withoutDetails(notification)),
      runUrl: this.#parts.runUrl(workflowId, runId),
    };
    if (channel.webhook !== undefined) await this.#postEvent(channel.webhook, told, channel.template);
    else if (channel.slack !== undefined) await this.#postSlack(channel.slack, told, channel.template);
    else if (channel.sns !== undefined) await this.#parts.publish(channel.sns, topicMessage(told, channel.template));
  }

  async #postEvent(
    { url, secret }: NonNullable<Channel['webhook']>,
    told: ToldNotification,
    template: string | undefined,
  ): Promise<void> {
    const keys = parseWebhookKeys(await readChannelSecret(secret, this.#parts));
    if (keys === null) {
      throw new DeliveryError('the secret of the webhook is no key: write whsec_ and 24 to 64 bytes in Base64');
    }
    const body = cloudEventOf(told, template);
    await post(
      {
        url: typeof url === 'string' ? url : await this.#secretUrl(url),
        headers: { 'content-type': CLOUD_EVENT_TYPE, ...signatureHeaders(told.id, body, keys, Date.now()) },
        body,
      },
      this.#parts.agents,
    );
  }

  async #postSlack(
    { url }: NonNullable<Channel['slack']>,
    told: ToldNotification,
    template: string | undefined,
  ): Promise<void> {
    await post(
      {
        url: await this.#secretUrl(url),
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(slackMessage(renderText(told, template))),
      },
      this.#parts.agents,
    );
  }

  async #secretUrl(location: ChannelSecret): Promise<string> {
    const url = await readChannelSecret(location, this.#parts);
    const problem = receiverUrlProblem(url);
    if (problem !== undefined) throw new DeliveryError(`the address of the receiver is refused: ${problem}`);
    return url;
  }
}

/** Returns the message for an incoming webhook of Slack. Slack formats nothing in it, and links only what is an address. */
export function slackMessage(text: string): Readonly<Record<string, unknown>> {
  // The three characters that Slack reads as control characters: they make mentions and links that hide their address.
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return { text: escaped, mrkdwn: false, unfurl_links: false, unfurl_media: false };
}

function topicMessage(told: ToldNotification, template: string | undefined): TopicMessage {
  const { id, type, subject } = told;
  const { account, namespace, environment, fleet = '' } = subject;
  const attributes = Object.entries({ type, account: account ?? '', namespace, environment, fleet });
  return {
    id,
    subject: titleOf(told),
    json: cloudEventOf(told, template),
    text: renderText(told, template),
    attributes: Object.fromEntries(attributes.filter(([, value]) => value !== '')),
  };
}

function takes(channel: Channel, { type, subject }: Notification): boolean {
  const { types, accounts, namespaces, environments } = channel;
  const { account, namespace, environment } = subject;
  const isOneOf = (patterns: readonly string[] | undefined, value: string): boolean =>
    patterns === undefined || patterns.some((pattern) => matchesWildcard(pattern, value));
  return (
    isOneOf(types, type) &&
    (accounts === undefined || (account !== null && accounts.includes(account))) &&
    isOneOf(namespaces, namespace) &&
    isOneOf(environments, environment)
  );
}

/** Returns what search attributes show in any case: where, what sort of change, and numbers. */
function withoutDetails(notification: Notification): Notification {
  const { entities, omittedEntities, subject } = notification;
  return {
    ...notification,
    subject: { ...subject, url: null },
    reason: null,
    remedy: null,
    entities: [],
    omittedEntities: omittedEntities + entities.length,
  };
}

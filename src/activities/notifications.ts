import { dirname, resolve } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { type AwsClients, type AwsOptions, createAwsClients } from '../aws/clients.js';
import { type AwsNetwork, agentsFor } from '../aws/agents.js';
import { awsError } from '../aws/errors.js';
import type { DeliveryRequest, Notification } from '../contract/notification.js';
import { ConfigError } from '../contract/user-facing-error.js';
import { positionText } from '../engine/manifest/problem.js';
import { Channels, type ChannelParts, type Topic } from '../notifications/channels.js';
import { DeliveryError } from '../notifications/delivery-error.js';
import { loadNotifications } from '../notifications/load.js';

/** Connections to one receiver at a time. */
const RECEIVER_SOCKETS = 4;

/** Codes by which SNS says that it will never take this message. */
const FINAL_CODES: ReadonlySet<string> = new Set(['InvalidParameter', 'ParameterValueInvalid']);

/** The configuration of how a worker tells people. */
export interface NotificationsConfig {
  /** Undefined where the worker tells nobody. */
  readonly notificationsFile: string | undefined;
  readonly network: AwsNetwork;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Takes the result of each attempt to deliver: null where it succeeded. */
export type DeliveryObserver = (channel: string, id: string, error: Error | null) => void;

/** The parts of a worker that notifications use. */
export interface NotificationParts extends Pick<ChannelParts, 'runUrl' | 'isEncrypting'> {
  readonly aws: AwsOptions;
  readonly onAttempt: DeliveryObserver;
}

/** The channels by which a worker tells people, for its activities. */
export class Notifications {
  readonly #channels: Channels;
  readonly #onAttempt: DeliveryObserver;

  constructor(channels: Channels, onAttempt: DeliveryObserver) {
    this.#channels = channels;
    this.#onAttempt = onAttempt;
  }

  /** Returns the names of the channels that take a notification. */
  channelsFor(notification: Notification): readonly string[] {
    return this.#channels.namesFor(notification);
  }

  /** Delivers a notification to one channel. Temporal repeats a failure for a day, unless no attempt can succeed. */
  async deliver({ channel, notification }: DeliveryRequest): Promise<void> {
    try {
      await this.#channels.send(channel, notification);
    } catch (error) {
      const failed = error instanceof DeliveryError ? error : new DeliveryError('an unexpected error');
      this.#onAttempt(channel, notification.id, failed);
      throw ApplicationFailure.create({
        message: failed.message,
        type: 'NotificationFailed',
        nonRetryable: failed.isFinal,
        ...(failed.retryAfterMs === undefined ? {} : { nextRetryDelay: failed.retryAfterMs }),
      });
    }
    this.#onAttempt(channel, notification.id, null);
  }
}

/**
 * Opens the channels of a worker. Undefined where it has none.
 *
 * @throws ConfigError where the file cannot be used: people would wait for what is never told
 */
export function openNotifications(config: NotificationsConfig, parts: NotificationParts): Notifications | undefined {
  const { notificationsFile: path, network, environment } = config;
  if (path === undefined) return undefined;
  const loaded = loadNotifications(path);
  if (!loaded.ok) {
    const [problem] = loaded.problems;
    const text = problem === undefined ? 'it is invalid' : `${positionText(problem)}: ${problem.message}`;
    throw new ConfigError(`IAM_BOOTSTRAP_NOTIFICATIONS=${path}: ${text}`, problem?.remedy ?? 'correct the file');
  }
  const clientsOf = clientsByRole(parts.aws);
  const { runUrl, isEncrypting, onAttempt } = parts;
  const channels = new Channels(loaded.notifications, {
    folder: dirname(resolve(path)),
    environment,
    secretsManager: (name) => clientsOf({}).secrets.readText({ secretsManager: name }),
    // Receivers are not AWS, so that the authorities for AWS do not count for them.
    agents: agentsFor({ ...network, awsCa: undefined })?.(RECEIVER_SOCKETS) ?? {},
    publish: async (topic, message) => {
      try {
        await clientsOf(topic).topics.publish(topic.topicArn, message);
      } catch (error) {
        const { code, message: text } = awsError(error);
        throw new DeliveryError(`${topic.topicArn}: ${code}: ${text}`, { isFinal: FINAL_CODES.has(code) });
      }
    },
    runUrl,
    isEncrypting,
  });
  return new Notifications(channels, onAttempt);
}

/** Returns a function that gives the clients with the worker's own credentials, or with those of a role. */
function clientsByRole(
  options: AwsOptions,
): (role: Partial<Pick<Topic, 'topicArn' | 'assumeRole' | 'externalId'>>) => AwsClients {
  const open = new Map<string, AwsClients>();
  return ({ topicArn = '', assumeRole, externalId }) => {
    const partition = topicArn.split(':')[1] ?? 'aws';
    const key = JSON.stringify([partition, assumeRole, externalId]);
    const target = { account: '', partition, ...(assumeRole === undefined ? {} : { assumeRole }) };
    const clients = open.get(key) ?? createAwsClients(target, { ...options, externalId });
    open.set(key, clients);
    return clients;
  };
}

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { CancellationScope, log, ParentClosePolicy, startChild } from '@temporalio/workflow';
import {
  MAX_NOTIFICATION_LINE,
  MAX_NOTIFICATION_URL,
  MAX_NOTIFIED_ENTITIES,
  MAX_TROUBLES,
} from '../contract/notification.js';
import type { Notification, NotificationSubject, RunOutcome } from '../contract/notification.js';
import { notificationWorkflowId } from '../contract/workflow-ids.js';
import { notification } from './notification.js';

/** The content of a notification, before its ID is made and its texts are cut. */
export interface NewNotification extends Omit<Notification, 'id' | 'omittedEntities'> {
  /** Tells this change from others of its type: the ID of the run that has found it, where it finds one of a type. */
  readonly key: string;
}

/**
 * Tells people of a change: a workflow of its own delivers it, and outlives the run that asks. Waits only until that
 * workflow has started, and never fails. A second call with the same type and key does nothing.
 *
 * With the end of a run, people are told only where it differs from the last one. The commands of the caller change: recorded histories need `patched`, or a condition that they do not meet.
 */
export async function notify({ key, ...change }: NewNotification, outcome?: RunOutcome): Promise<void> {
  const { entities, summary, reason, remedy, subject } = change;
  const id = `${change.type}:${key}`;
  const bounded: Notification = {
    ...change,
    id,
    subject: cutSubject(subject),
    summary: cut(summary),
    reason: reason === null ? null : cut(reason),
    remedy: remedy === null ? null : cut(remedy),
    entities: entities
      .slice(0, MAX_NOTIFIED_ENTITIES)
      .map((entity) => ({ id: cut(entity.id), line: cut(entity.line) })),
    omittedEntities: Math.max(0, entities.length - MAX_NOTIFIED_ENTITIES),
  };
  try {
    await CancellationScope.nonCancellable(() =>
      startChild(notification, {
        workflowId: notificationWorkflowId(id),
        args: outcome === undefined ? [bounded] : [bounded, cutOutcome(outcome)],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        staticSummary: `${change.type} in ${change.subject.namespace}`,
      }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return;
    log.warn('Could not notify', { id, error });
  }
}

function cutSubject({ environment, fleet, url, ...subject }: NotificationSubject): NotificationSubject {
  return {
    ...subject,
    environment: cut(environment),
    ...(fleet === undefined ? {} : { fleet: cut(fleet) }),
    url: url === null || url.length > MAX_NOTIFICATION_URL ? null : url,
  };
}

function cutOutcome({ manifest, environment, trouble, ...outcome }: RunOutcome): RunOutcome {
  return {
    ...outcome,
    manifest: cut(manifest),
    environment: cut(environment),
    trouble: trouble.slice(0, MAX_TROUBLES).map(cut),
  };
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= MAX_NOTIFICATION_LINE ? line : `${line.slice(0, MAX_NOTIFICATION_LINE - 1)}…`;
}

import { renderText, titleOf, type ToldNotification } from './template.js';

/** Media type of a CloudEvent in structured mode. */
export const CLOUD_EVENT_TYPE = 'application/cloudevents+json; charset=utf-8';

/**
 * Returns a notification as a CloudEvent 1.0 in JSON.
 *
 * @param told - the notification
 * @param template - of its text
 */
export function cloudEventOf(told: ToldNotification, template: string | undefined): string {
  const { id, type, at, subject, summary, reason, remedy, counts, entities, omittedEntities, runUrl } = told;
  const { account, namespace, environment } = subject;
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: ['', 'iam-bootstrap', account, namespace]
      .flatMap((part) => (part === null ? [] : encodeURIComponent(part)))
      .join('/'),
    type: `iam-bootstrap.${type}`,
    ...(environment === '' ? {} : { subject: environment }),
    time: at,
    datacontenttype: 'application/json',
    data: {
      title: titleOf(told),
      text: renderText(told, template),
      ...subject,
      runUrl,
      summary,
      reason,
      remedy,
      counts,
      entities,
      omittedEntities,
    },
  });
}

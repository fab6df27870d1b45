import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { IAMClient } from '@aws-sdk/client-iam';
import { foreignReplyError } from './errors.js';

/** A reply as it comes from the network. */
interface HttpReply {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  body?: unknown;
}

/** Services whose replies name the operation: `<CreateRoleResponse xmlns="…">`. The others reply in JSON. */
const XML_SERVICES: ReadonlySet<string> = new Set(['IAMClient', 'STSClient', 'SNSClient']);

/** The beginning of a reply in XML, up to the name of its root. */
const XML_ROOT = /^\s*(?:<\?xml[^>]*>\s*)?<(\w+)[\s/>]/;

/** The beginning of a reply in JSON. Some operations reply with nothing. */
const JSON_BODY = /^\s*(?:\{|$)/;

/** Characters of a body that tell where it comes from. */
const HEAD_LENGTH = 1_000;

/**
 * Refuses a success that does not come from AWS: a sign-in page has status 200, and some call themselves XML. The SDK
 * would read it as an empty output, and a Create would count as carried out.
 */
export const refuseForeignReplies = {
  applyToStack: (stack: Pick<IAMClient['middlewareStack'], 'add'>): void => {
    stack.add(
      (next, context) => async (args) => {
        const result = await next(args);
        const reply = result.response as HttpReply;
        if (reply.statusCode >= 300 || !(reply.body instanceof Readable)) return result;
        const body = await buffer(reply.body);
        if (!isReplyTo(context, body.toString('utf8', 0, HEAD_LENGTH))) {
          throw foreignReplyError(reply.statusCode, reply.headers['content-type'] ?? '');
        }
        reply.body = Readable.from([body]);
        return result;
      },
      // Inside the deserializer, so that the body has not been read yet.
      { step: 'deserialize', priority: 'low', name: 'refuseForeignReplies', override: true },
    );
  },
};

function isReplyTo(context: object, head: string): boolean {
  const { commandName = '', clientName = '' } = context as { commandName?: string; clientName?: string };
  if (!XML_SERVICES.has(clientName)) return JSON_BODY.test(head);
  return XML_ROOT.exec(head)?.[1] === `${commandName.replace(/Command$/, '')}Response`;
}

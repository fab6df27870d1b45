import { isOfProxy } from './agents.js';
import type { AwsError } from './errors.js';

/** The part that keeps this machine from using AWS. */
export type Fault = 'proxy' | 'network' | 'certificate' | 'endpoint' | 'credentials';

/** Codes of OpenSSL and Node.js for a certificate that is not trusted. */
const UNTRUSTED =
  /\b(UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|CERT_\w+|ERR_TLS_CERT_\w+)\b|\bself-signed certificate/;

/** Codes of connections that do not come about, and the name that the SDK gives to a timeout. */
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|TimeoutError)\b/;

/** The source that the SDK asks last, where no other is configured. */
const INSTANCE_METADATA = /\b169\.254\.169\.254\b|EC2 Metadata|Could not load credentials from any providers/;

/**
 * Tells a proxy, a network, a certificate and an endpoint at fault from credentials at fault. Sources of credentials
 * make calls of their own, and the SDK reports what fails there as missing credentials.
 */
export function faultOf({ code, message, httpStatus }: AwsError): Fault {
  const text = `${code} ${message}`;
  if (isOfProxy(message)) return 'proxy';
  if (UNTRUSTED.test(text)) return 'certificate';
  if (UNREACHABLE.test(text) && !INSTANCE_METADATA.test(message)) return 'network';
  const isServerFailure = httpStatus !== null && httpStatus >= 500;
  const isEndpoint = ['ForeignReply', 'UnreadableReply', 'EndpointError'].includes(code);
  return isServerFailure || isEndpoint || message.startsWith('Invalid Configuration:') ? 'endpoint' : 'credentials';
}

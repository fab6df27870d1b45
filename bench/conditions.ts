import type { FaultProxy } from '../test/support/fault-proxy.js';

/** The conditions under which the emulated AWS responds. */
export interface Condition {
  readonly name: 'loopback' | 'latency-true';
  /** Added to each call, in milliseconds. */
  readonly latencyMs: number;
  /** The time until reads show a created entity, in milliseconds. */
  readonly propagationMs: number;
  /** None: no call is throttled. */
  readonly bucket: Buckets | undefined;
}

/** Calls that are let through. */
interface Rate {
  readonly perSecond: number;
  /** At once, after a pause. */
  readonly burst: number;
}

/** The bucket of an account: one for all calls, or one for writes and one for reads. */
interface Buckets extends Rate {
  /** Default: reads share the bucket of the writes. */
  readonly reads?: Rate;
}

/** The emulator as it is. */
export const LOOPBACK: Condition = { name: 'loopback', latencyMs: 0, propagationMs: 0, bucket: undefined };

/**
 * As AWS answers from elsewhere. IAM's own limits are not published; these are of the order that people meet.
 */
export const LATENCY_TRUE: Condition = {
  name: 'latency-true',
  latencyMs: 40,
  propagationMs: 1_000,
  bucket: { perSecond: 20, burst: 50 },
};

/** Reports whether a call may pass. The bucket is full at first. */
export class TokenBucket {
  #tokens: number;
  #at: number;
  readonly #rate: Rate;

  /** @param now - in milliseconds */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  take(now: number): boolean {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** The least time that so many calls can take, in milliseconds. */
export function idealMs({ bucket, latencyMs }: Condition, calls: number): number {
  const { perSecond, burst } = bucket ?? { perSecond: Infinity, burst: 0 };
  return (Math.max(0, calls - burst) / perSecond) * 1_000 + latencyMs;
}

/** Sets the conditions of the proxy, with a full bucket. STS has limits of its own, which no contender reaches. */
export function impose(proxy: FaultProxy, { latencyMs, propagationMs, bucket }: Condition): void {
  proxy.clearRules();
  if (latencyMs > 0) proxy.on({}, { kind: 'delay', ms: latencyMs });
  if (bucket !== undefined) {
    const writes = new TokenBucket(bucket, performance.now());
    const reads = bucket.reads === undefined ? writes : new TokenBucket(bucket.reads, performance.now());
    const isTooMany = ({ action }: { readonly action: string }): boolean =>
      !/^(GetCallerIdentity|AssumeRole)$/.test(action) &&
      !(/^(Get|List)/.test(action) ? reads : writes).take(performance.now());
    proxy.on({ predicate: isTooMany }, { kind: 'throttle' });
  }
  if (propagationMs > 0) proxy.on({}, { kind: 'lag', ms: propagationMs });
}

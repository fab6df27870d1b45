import type { FaultProxy, Match } from './fault-proxy.js';

/** A call that the proxy holds back. */
export interface Held {
  /** Resolves when the call has arrived at the proxy. */
  readonly reached: Promise<void>;
  /** Forwards the call, or drops it: then its connection breaks, and AWS does not execute it. */
  release(answer?: 'drop'): void;
}

/** Holds back the first matching call until it is released. */
export function hold(proxy: FaultProxy, match: Match): Held {
  let reach = (): void => undefined;
  let letGo: Held['release'] = () => undefined;
  const reached = new Promise<void>((done) => (reach = done));
  const released = new Promise<'drop' | undefined>((done) => (letGo = done));
  const before = (): Promise<'drop' | undefined> => {
    reach();
    return released;
  };
  proxy.on(match, { kind: 'hook', times: 1, before });
  return { reached, release: letGo };
}

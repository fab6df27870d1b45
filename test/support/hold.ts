import type { FaultProxy, Match } from './fault-proxy.js';

/** A call that AWS has not been given yet. */
export interface Held {
  /** Until it has come to the proxy. */
  readonly reached: Promise<void>;
  /** Lets it pass, or drops it: then its connection breaks, and nothing is done. */
  letGo(answer?: 'drop'): void;
}

/** Holds back the first call that matches, so that what sends it is in its middle until the call is let go. */
export function hold(proxy: FaultProxy, match: Match): Held {
  let reach = (): void => undefined;
  let letGo: Held['letGo'] = () => undefined;
  const reached = new Promise<void>((done) => (reach = done));
  const released = new Promise<'drop' | undefined>((done) => (letGo = done));
  const before = (): Promise<'drop' | undefined> => {
    reach();
    return released;
  };
  proxy.on(match, { kind: 'hook', times: 1, before });
  return { reached, letGo };
}

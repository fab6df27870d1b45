/** The time at which every history begins. */
const START_MS = Date.UTC(2026, 0, 1);

/** The time of a simulation. It stands still unless the scheduler moves it. */
export class VirtualClock {
  now = START_MS;

  /**
   * Lets `Date` and `performance.now` show this time, for all code of the test file. Intervals never fire.
   *
   * @returns a function that restores the real ones
   */
  install(): () => void {
    const read = (): number => this.now;
    const RealDate = globalThis.Date;
    const realNow = performance.now;
    const VirtualDate = class extends RealDate {
      constructor(...values: readonly unknown[]) {
        super(...((values.length === 0 ? [read()] : values) as [number]));
      }

      static override now(): number {
        return read();
      }
    };
    const realInterval = globalThis.setInterval;
    globalThis.Date = VirtualDate as DateConstructor;
    performance.now = () => read() - START_MS;
    // Periodic heartbeats: an attempt of the simulation is alive until a history says otherwise.
    globalThis.setInterval = (() => undefined) as unknown as typeof setInterval;
    return () => {
      globalThis.Date = RealDate;
      performance.now = realNow;
      globalThis.setInterval = realInterval;
    };
  }
}

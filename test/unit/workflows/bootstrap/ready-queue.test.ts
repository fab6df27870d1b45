import fc from 'fast-check';
import { ReadyQueue } from '../../../../src/workflows/bootstrap/ready-queue.js';

/** Graphs without cycles: each waits for some before it. */
const graphs = fc
  .integer({ min: 0, max: 40 })
  .chain((size) =>
    fc.tuple(...Array.from({ length: size }, (_, index) => fc.array(fc.nat(Math.max(0, index - 1)), { maxLength: 4 }))),
  )
  .map((all) => new Map(all.map((others, index) => [index, index === 0 ? [] : others] as const)));

describe('the queue of those that may begin', () => {
  it('gives each one once, after all that it waits for, however many run at a time and whichever ends first', () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 1, max: 5 }), fc.infiniteStream(fc.nat()), (after, slots, picks) => {
        const queue = new ReadyQueue(after);
        const underWay: number[] = [];
        const ended = new Set<number>();
        while (!queue.isDone) {
          while (queue.isReady && underWay.length < slots) {
            const one = queue.take();
            if (one === undefined) throw new Error('it was ready');
            expect((after.get(one) ?? []).every((other) => other === one || ended.has(other))).toBe(true);
            underWay.push(one);
          }
          // Something is under way as long as not all have ended: nobody waits for ever.
          expect(underWay.length).toBeGreaterThan(0);
          const [one = -1] = underWay.splice((picks.next().value as number) % underWay.length, 1);
          expect(ended.has(one)).toBe(false);
          ended.add(one);
          queue.finish(one);
        }
        expect(ended.size).toBe(after.size);
        expect(queue.take()).toBeUndefined();
      }),
    );
  });

  it('begins in the order that was given, where nobody waits', () => {
    const queue = new ReadyQueue(new Map([3, 1, 2].map((one) => [one, []])));
    expect([queue.take(), queue.take(), queue.take()]).toEqual([3, 1, 2]);
  });

  it('waits for nobody who is not in it, nor for itself', () => {
    const queue = new ReadyQueue(new Map([[1, [1, 7]]]));
    expect(queue.take()).toBe(1);
  });
});

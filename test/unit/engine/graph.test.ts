import * as fc from 'fast-check';
import type { GraphNode } from '../../../src/engine/graph.js';
import { dependencyOrder } from '../../../src/engine/graph.js';

const node = (id: string, ...dependsOn: string[]): GraphNode => ({ id, dependsOn });

/** Nodes that depend on any others, named by numbers; some names are of no node. */
const anyGraph: fc.Arbitrary<GraphNode[]> = fc
  .integer({ min: 0, max: 12 })
  .chain((size) =>
    fc
      .array(fc.array(fc.integer({ min: 0, max: size + 1 }), { maxLength: 4 }), { minLength: size, maxLength: size })
      .map((waits) => waits.map((others, id) => node(String(id), ...others.map(String)))),
  );

/** Nodes that depend on none but earlier ones. */
const orderedGraph: fc.Arbitrary<GraphNode[]> = anyGraph.map((nodes) =>
  nodes.map(({ id, dependsOn }) => node(id, ...dependsOn.filter((other) => Number(other) < Number(id)))),
);

describe('the order of dependencies', () => {
  it('puts each node after all that it waits for', () => {
    expect(dependencyOrder([node('c', 'b'), node('b', 'a'), node('a')])).toEqual({
      ok: true,
      order: [2, 1, 0],
      waitsFor: [[1], [2], []],
    });
  });

  it('keeps the order of nodes that wait for nothing', () => {
    expect(dependencyOrder([node('b'), node('a'), node('c')])).toMatchObject({ order: [0, 1, 2] });
  });

  it('leaves out names of no node, and repeats', () => {
    expect(dependencyOrder([node('a', 'x', 'b', 'b'), node('b')])).toMatchObject({ waitsFor: [[1], []] });
  });

  it('is content with no nodes', () => {
    expect(dependencyOrder([])).toEqual({ ok: true, order: [], waitsFor: [] });
  });

  it('finds a node that waits for itself', () => {
    expect(dependencyOrder([node('a'), node('b', 'b')])).toEqual({ ok: false, cycles: [[1]] });
  });

  it('tells a cycle from its earliest node, and without those that only lead to it', () => {
    const nodes = [node('in', 'c'), node('a', 'b'), node('b', 'c'), node('c', 'a')];
    expect(dependencyOrder(nodes)).toEqual({ ok: false, cycles: [[1, 2, 3]] });
  });

  it('finds a cycle that leads to another one', () => {
    const nodes = [node('a', 'c', 'b'), node('b', 'a'), node('c', 'd'), node('d', 'c')];
    expect(dependencyOrder(nodes)).toEqual({
      ok: false,
      cycles: [
        [0, 1],
        [2, 3],
      ],
    });
  });

  it('orders a chain of a hundred thousand, and finds the cycle when its end waits for its beginning', () => {
    const size = 100_000;
    const chain = Array.from({ length: size }, (_, id) => node(String(id), ...(id === 0 ? [] : [String(id - 1)])));
    expect(dependencyOrder(chain)).toMatchObject({ ok: true });
    const found = dependencyOrder([node('0', String(size - 1)), ...chain.slice(1)]);
    expect(found.ok).toBe(false);
    expect(found.ok ? [] : found.cycles.map((cycle) => cycle.length)).toEqual([size]);
  });

  it('holds all nodes once, each after those that it waits for, for every graph without a cycle', () => {
    fc.assert(
      fc.property(orderedGraph, fc.infiniteStream(fc.nat()), (nodes, seeds) => {
        const shuffled = nodes
          .map((one) => ({ one, rank: seeds.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ one }) => one);
        const found = dependencyOrder(shuffled);
        expect(found.ok).toBe(true);
        if (!found.ok) return;
        expect([...found.order].sort((a, b) => a - b)).toEqual(shuffled.map((_, position) => position));
        const placeOf = new Map(found.order.map((position, place) => [position, place]));
        found.waitsFor.forEach((waits, position) => {
          for (const other of waits) expect(placeOf.get(other)).toBeLessThan(placeOf.get(position) ?? -1);
        });
      }),
    );
  });

  it('gives for every graph either an order or cycles whose nodes do wait for each other, no node in two', () => {
    fc.assert(
      fc.property(anyGraph, (nodes) => {
        const found = dependencyOrder(nodes);
        if (found.ok) return;
        expect(found.cycles.length).toBeGreaterThan(0);
        const members = found.cycles.flat();
        expect(new Set(members).size).toBe(members.length);
        for (const cycle of found.cycles) {
          cycle.forEach((position, index) => {
            const next = cycle[(index + 1) % cycle.length];
            expect(nodes[position]?.dependsOn).toContain(nodes[next ?? -1]?.id);
          });
        }
      }),
    );
  });

  it('finds every cycle in reach: without one member of each, fewer nodes wait in vain', () => {
    fc.assert(
      fc.property(anyGraph, (nodes) => {
        let left = nodes;
        for (let rounds = 0; rounds <= nodes.length; rounds++) {
          const found = dependencyOrder(left);
          if (found.ok) return;
          const broken = new Set(found.cycles.map((cycle) => cycle[0]));
          left = left.map((one, position) => (broken.has(position) ? node(one.id) : one));
        }
        throw new Error('breaking cycles never ended');
      }),
    );
  });
});

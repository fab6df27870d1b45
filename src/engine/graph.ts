/** A node of a dependency graph; `dependsOn` names other nodes by their ID. */
export interface GraphNode {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** The order in which nodes can be processed. */
export interface DependencyOrder {
  readonly ok: true;
  /** Positions of all nodes, each after those that it waits for; otherwise in the given order. */
  readonly order: readonly number[];
  /** The positions that each position waits for, ascending. Unknown IDs are left out. */
  readonly waitsFor: readonly (readonly number[])[];
}

/** Nodes that wait for each other. Each cycle lists its positions; the first waits for the second. */
export interface DependencyCycles {
  readonly ok: false;
  readonly cycles: readonly (readonly number[])[];
}

/**
 * Orders nodes by their dependencies, or finds the cycles that prevent it: one for each group of nodes that cannot be
 * ordered. Takes linear time and does not recurse, because chains can be long.
 */
export function dependencyOrder(nodes: readonly GraphNode[]): DependencyOrder | DependencyCycles {
  const positions = new Map<string, number>();
  nodes.forEach((node, position) => {
    if (!positions.has(node.id)) positions.set(node.id, position);
  });
  const waitsFor = nodes.map((node) => {
    const found = node.dependsOn.map((id) => positions.get(id)).filter((position) => position !== undefined);
    return [...new Set(found)].sort((a, b) => a - b);
  });

  const dependents: number[][] = nodes.map(() => []);
  const missing = waitsFor.map((waits) => waits.length);
  waitsFor.forEach((waits, position) => {
    for (const other of waits) dependents[other]?.push(position);
  });

  const order: number[] = [];
  missing.forEach((count, position) => {
    if (count === 0) order.push(position);
  });
  // The list grows during the loop.
  for (const next of order) {
    for (const dependent of dependents[next] ?? []) {
      const left = (missing[dependent] ?? 0) - 1;
      missing[dependent] = left;
      if (left === 0) order.push(dependent);
    }
  }
  if (order.length === nodes.length) return { ok: true, order, waitsFor };
  return { ok: false, cycles: cyclesAmong(waitsFor, dependents) };
}

/**
 * Returns a number for each node, by ID: two nodes have the same exactly where each waits for the other, directly or by way
 * of others. IDs are unique; unknown ones are left out. Takes linear time.
 */
export function groupByCycles(nodes: readonly GraphNode[]): ReadonlyMap<string, number> {
  const positions = new Map(nodes.map(({ id }, position) => [id, position]));
  const forward = nodes.map(({ dependsOn }) => dependsOn.flatMap((id) => positions.get(id) ?? []));
  const backward: number[][] = nodes.map(() => []);
  forward.forEach((waits, position) => {
    for (const other of waits) backward[other]?.push(position);
  });
  const groupOf = groups(forward, backward);
  return new Map(nodes.map(({ id }, position) => [id, groupOf[position] ?? position]));
}

/**
 * Returns one cycle of each group of positions that wait for each other. In such a group every position waits for
 * another one of the group, so a walk from any of them returns to a position it has visited.
 */
function cyclesAmong(waitsFor: readonly (readonly number[])[], dependents: readonly (readonly number[])[]): number[][] {
  const groupOf = groups(waitsFor, dependents);
  const done = new Set<number>();
  const cycles: number[][] = [];
  for (let start = 0; start < waitsFor.length; start++) {
    const group = groupOf[start] ?? start;
    if (done.has(group)) continue;
    const walk = new Map<number, number>();
    let at: number | undefined = start;
    while (at !== undefined && !walk.has(at)) {
      walk.set(at, walk.size);
      at = waitsFor[at]?.find((next) => groupOf[next] === group);
    }
    if (at === undefined) continue;
    done.add(group);
    cycles.push(fromSmallest([...walk.keys()].slice(walk.get(at))));
  }
  return cycles;
}

/** Returns the strongly connected group of each position (Kosaraju's algorithm, with a stack instead of recursion). */
function groups(forward: readonly (readonly number[])[], backward: readonly (readonly number[])[]): number[] {
  const finished: number[] = [];
  const seen = new Set<number>();
  forward.forEach((_, root) => {
    if (seen.has(root)) return;
    seen.add(root);
    const stack = [{ at: root, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = forward[top.at]?.[top.next++];
      if (next === undefined) {
        finished.push(top.at);
        stack.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        stack.push({ at: next, next: 0 });
      }
    }
  });

  const groupOf: number[] = forward.map(() => -1);
  for (const root of finished.reverse()) {
    if (groupOf[root] !== -1) continue;
    groupOf[root] = root;
    const stack = [root];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const next of backward[at] ?? []) {
        if (groupOf[next] !== -1) continue;
        groupOf[next] = root;
        stack.push(next);
      }
    }
  }
  return groupOf;
}

/** Returns the same cycle, beginning with its smallest position. */
function fromSmallest(cycle: readonly number[]): number[] {
  const start = cycle.indexOf(cycle.reduce((a, b) => Math.min(a, b)));
  return [...cycle.slice(start), ...cycle.slice(0, start)];
}

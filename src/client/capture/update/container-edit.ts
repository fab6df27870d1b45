import type { Json } from '../../../contract/entity.js';
import type { SourceNode, Style } from './source-nodes.js';

/** A member that is added. */
export interface Added {
  readonly key?: string | undefined;
  readonly value: Json;
  /** The style of single values, after those beside them. */
  readonly style: Style;
}

/** All changes of the members of one list or map. */
export interface ContainerEdit {
  readonly container: SourceNode;
  readonly removed: ReadonlySet<number>;
  readonly added: readonly Added[];
}

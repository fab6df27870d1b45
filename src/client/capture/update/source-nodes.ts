/** The way in which a value is written. Flow collections have brackets, as all of JSON has. */
export type Style = 'plain' | 'single' | 'double' | 'literal' | 'flow' | 'block';

/** A value as a file writes it, with the characters that it takes. */
export interface SourceNode {
  readonly type: 'scalar' | 'list' | 'map' | 'alias';
  readonly style: Style;
  /** The offset of the first character, after an anchor or a tag. */
  readonly start: number;
  /** The offset behind the last character. A block scalar ends behind its last line break. */
  readonly end: number;
  /** The text of a scalar, without quotes and escapes; its templates are not rendered. */
  readonly text: string;
  readonly members: readonly SourceMember[];
  /** It is a map with a merge key, `<<`. */
  readonly merges: boolean;
  /** The offset behind the colon or the dash before the value. Undefined for the outermost value, and in brackets. */
  readonly indicatorEnd?: number | undefined;
}

/** A member of a list or of a map, from its dash or its key on. */
export interface SourceMember {
  readonly start: number;
  readonly end: number;
  /** The key of a map's member. Undefined in a list. */
  readonly key?: { readonly start: number; readonly end: number; readonly text: string };
  readonly value: SourceNode;
  /** It is written in a rare form, such as a key after a question mark, which is not changed. */
  readonly isRare: boolean;
}

/** Anchors that aliases repeat. */
export interface AnchorUse {
  readonly name: string;
  readonly anchorAt: number;
  readonly aliasesAt: readonly number[];
}

/** The values of a file by their offsets. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
  readonly format: 'yaml' | 'json' | 'text';
  readonly root: SourceNode;
  readonly anchors: readonly AnchorUse[];
  /** The offsets of maps that merge keys repeat. */
  readonly merged: ReadonlySet<number>;
  readonly find: (type: SourceNode['type'], offset: number) => SourceNode | undefined;
}

/** The outermost value of a text, with the anchors of YAML. */
export interface ReadNodes {
  readonly root: SourceNode;
  readonly anchors?: readonly AnchorUse[];
  readonly merged?: ReadonlySet<number>;
}

import type { CapturedEntity, LeftOutEntity } from '../../contract/capture.js';
import type { Target } from '../../contract/entity.js';
import type { Problem } from '../../engine/manifest/problem.js';
import type { PositionedRequest } from '../../engine/request-size.js';
import type { Kind } from '../../kinds/kind.js';
import type { CapturedFile } from './contents.js';
import type { Draft } from './draft.js';
import type { CaptureFormat, ManifestParts } from './format.js';

/** Options of writing a manifest of captured entities. */
export interface WriteOptions {
  readonly target: Target;
  readonly namespace: string;
  /** The name of the environment of the account. */
  readonly environment: string;
  readonly format: CaptureFormat;
  /** The folder of the files, as the commands in comments name it. Default: `iam`. */
  readonly directory?: string;
}

/** A part of an entity that the manifest does not declare although it could be read. */
export interface NotDeclared {
  readonly kind: string;
  readonly name: string;
  /** `tags.cost:center`. */
  readonly property: string;
  readonly reason: string;
}

/** A manifest with its files. */
export interface WrittenManifest {
  /** The manifests first. */
  readonly files: readonly CapturedFile[];
  /** The paths of the manifests, which are applied together. */
  readonly manifests: readonly string[];
  /** In the order of the manifests. */
  readonly captured: readonly CapturedEntity[];
  /** Entities that no manifest can declare. */
  readonly leftOut: readonly LeftOutEntity[];
  readonly notDeclared: readonly NotDeclared[];
  /** Properties whose value a person has to name. */
  readonly toFillIn: readonly { readonly kind: string; readonly name: string; readonly property: string }[];
  /** Problems of the manifests as a whole. */
  readonly problems: readonly Problem[];
  /** The request that `plan` would send. Null where the manifests have problems. */
  readonly request: PositionedRequest['request'] | null;
}

/** The files of one round, and the entities of each manifest. */
export interface WrittenRound {
  readonly manifests: readonly {
    readonly file: CapturedFile;
    readonly parts: ManifestParts;
    readonly drafts: readonly Draft[];
  }[];
  readonly files: readonly CapturedFile[];
}

/** A part of a manifest that the engine refuses. */
export interface Refusal {
  /** Undefined where the defaults are refused. */
  readonly entity: CapturedEntity | undefined;
  readonly kind: Kind | undefined;
  readonly property: string;
  /** The tag or the inline policy. Undefined for the whole property. */
  readonly member: string | undefined;
  readonly reason: string;
  readonly problem?: Problem;
}

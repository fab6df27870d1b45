import { readFileSync, statSync, type BigIntStats } from 'node:fs';
import { basename, resolve } from 'node:path';
import { positionText, type Problem } from '../../engine/manifest/problem.js';
import { parseGuardrails, type Guardrails } from '../../guardrails/parse.js';
import { KINDS } from '../../kinds/index.js';

/** The largest file that is read. */
const MAX_BYTES = 1_000_000;

/** The pause between two looks at the file while nothing is planned or written. */
const INTERVAL_MS = 15_000;

/** The guardrails of a worker, as they are now. */
export interface GuardrailsSource {
  /**
   * Returns the guardrails in force; null where the worker has none.
   *
   * @throws GuardrailsError where the worker has some and they cannot be used
   */
  readonly current: () => Guardrails | null;
}

/** A worker without guardrails. */
export const NO_GUARDRAILS: GuardrailsSource = { current: () => null };

/** Thrown where guardrails cannot be used. Nothing is allowed then. */
export class GuardrailsError extends Error {
  override readonly name = 'GuardrailsError';

  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** The effect of a change of the file. */
export interface GuardrailsChange {
  /** The digest that is in force. Null where the file cannot be used. */
  readonly digest: string | null;
  /** The digest that was in force before. Null where none was. */
  readonly previous: string | null;
  readonly error: GuardrailsError | null;
}

/**
 * A guardrails file. Each look at it compares the file's metadata, so that a change counts from the next write on, and
 * a mounted file that is exchanged by a link as well.
 */
export class GuardrailsFile implements GuardrailsSource {
  readonly #path: string;
  readonly #onChange: (change: GuardrailsChange) => void;
  #version = '';
  #loaded: Guardrails | GuardrailsError | undefined;
  #inForce: string | null = null;

  /**
   * Names the file. It is read at the first use.
   *
   * @param path - of the file
   * @param onChange - is called for the first version of the file, and for each that follows
   */
  constructor(path: string, onChange: (change: GuardrailsChange) => void) {
    this.#path = resolve(path);
    this.#onChange = onChange;
  }

  current(): Guardrails {
    const version = this.#readVersion();
    if (this.#loaded === undefined || version !== this.#version) {
      this.#version = version;
      const loaded = this.#load();
      this.#loaded = loaded;
      const [digest, error] = loaded instanceof GuardrailsError ? [null, loaded] : [loaded.digest, null];
      this.#onChange({ digest, previous: this.#inForce, error });
      this.#inForce = digest;
    }
    if (this.#loaded instanceof GuardrailsError) throw this.#loaded;
    return this.#loaded;
  }

  /** Looks at the file at an interval, so that a worker without work reports a change, too. The timer keeps no process alive. */
  follow(intervalMs = INTERVAL_MS): void {
    setInterval(() => {
      try {
        this.current();
      } catch (error) {
        // It was reported as a change.
        if (!(error instanceof GuardrailsError)) throw error;
      }
    }, intervalMs).unref();
  }

  /** Returns a text that changes with the file. A file that cannot be looked at has a version, too. */
  #readVersion(): string {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats = statSync(this.#path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    } catch (error) {
      return `unreadable: ${codeOf(error)}`;
    }
  }

  #load(): Guardrails | GuardrailsError {
    let text: string;
    try {
      const stat = statSync(this.#path);
      if (!stat.isFile()) return this.#unusable('it is not a regular file');
      if (stat.size > MAX_BYTES) return this.#unusable(`it has more than ${String(MAX_BYTES)} bytes`);
      text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(this.#path));
    } catch (error) {
      return this.#unusable(codeOf(error) === '' ? 'it is not UTF-8 text' : codeOf(error));
    }
    const parsed = parseGuardrails(basename(this.#path), text, { kinds: KINDS.map(({ name }) => name) });
    if (parsed.ok) return parsed.guardrails;
    const [first] = parsed.problems;
    const more = parsed.problems.length - 1;
    const others = more === 0 ? '' : ` (and ${String(more)} more)`;
    return new GuardrailsError(`the guardrails are invalid: ${problemText(first)}${others}`, first?.remedy ?? '');
  }

  #unusable(why: string): GuardrailsError {
    return new GuardrailsError(
      `the guardrails ${basename(this.#path)} cannot be read: ${why}`,
      'make the file readable for the worker',
    );
  }
}

function problemText(problem: Problem | undefined): string {
  return problem === undefined ? 'unknown' : `${positionText(problem)}: ${problem.message}`;
}

function codeOf(error: unknown): string {
  const code: unknown = (error as { readonly code?: unknown }).code;
  return typeof code === 'string' && !code.startsWith('ERR_') ? code : '';
}

/** The longest name of a file without its extension. */
const MAX_LENGTH = 100;

/** Names that Windows keeps for devices, whatever the extension. */
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/** Gives files names that are safe everywhere, and different also where case does not count. */
export class FileNames {
  private readonly taken = new Set<string>();

  constructor(private readonly account: string) {}

  /**
   * Returns the path of a new file. The same calls in the same order give the same paths.
   *
   * @param folder - the folder, without a slash at its end
   * @param name - a name for people, such as that of the entity
   * @param extension - with its dot
   */
  add(folder: string, name: string, extension: string): string {
    const base = this.safe(name);
    for (let count = 1; ; count += 1) {
      const path = `${folder}/${base}${count === 1 ? '' : `-${String(count)}`}${extension}`;
      if (this.taken.has(path.toLowerCase())) continue;
      this.taken.add(path.toLowerCase());
      return path;
    }
  }

  private safe(name: string): string {
    const base = name
      .replaceAll(this.account, 'account')
      .replace(/[^\w.-]+/g, '-')
      .replace(/-{2,}/g, '-')
      .replace(/^[.-]+|[.-]+$/g, '')
      .slice(0, MAX_LENGTH)
      .replace(/[.-]+$/, '');
    const found = base === '' ? 'unnamed' : base;
    return RESERVED.test(found.split('.')[0] ?? '') ? `iam-${found}` : found;
  }
}

import { readFileSync } from 'node:fs';
import type { Command, Option } from 'commander';

/** Shells that have a completion script. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** A shell that has a completion script. */
export type Shell = (typeof SHELLS)[number];

/** Tells the script that a file is expected, which the shell completes itself. */
const FILES = ':files';

/** The hidden command that scripts call with the words of the line. */
export const COMPLETE = 'complete';

/**
 * Scripts that pass the words up to the cursor to the hidden command and offer what it prints. They know no options, so
 * they never go out of date. Bash splits words at `=`, which its script undoes.
 */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# iam-bootstrap: source <(iam-bootstrap completion bash)
_iam_bootstrap() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" word line
  local -a words=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [ "$word" = = ] || words+=("$word"); done
  [ "$cur" = = ] && cur=
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ${FILES} ]; then compopt -o default 2>/dev/null; COMPREPLY=(); return; fi
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("$1" ${COMPLETE} -- "\${words[@]}" "$cur" 2>/dev/null)
}
complete -F _iam_bootstrap iam-bootstrap
`,
  zsh: `#compdef iam-bootstrap
# iam-bootstrap: source <(iam-bootstrap completion zsh), after compinit
_iam_bootstrap() {
  local -a found=("\${(@f)$("$words[1]" ${COMPLETE} -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}") shown
  local line
  if [[ "$found[1]" == ${FILES} ]]; then _files; return; fi
  for line in $found; do shown+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}"); done
  _describe 'iam-bootstrap' shown
}
compdef _iam_bootstrap iam-bootstrap
`,
  fish: `# iam-bootstrap: iam-bootstrap completion fish | source
function __iam_bootstrap
  set -l words (commandline -opc) "$(commandline -ct)"
  set -l found ($words[1] ${COMPLETE} -- $words[2..] 2>/dev/null)
  if test "$found[1]" = ${FILES}
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c iam-bootstrap -f -a '(__iam_bootstrap)'
`,
};

/** Returns the script that a shell reads to complete command lines. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/** A completion with its description. */
interface Candidate {
  readonly value: string;
  readonly description: string;
}

/**
 * Returns the completions of the last word as lines `value<TAB>description`, or {@link FILES}.
 *
 * @param program - the command line to complete
 * @param words - the words after the program's name, up to the cursor; the last one may be empty
 */
export async function complete(program: Command, words: readonly string[]): Promise<readonly string[]> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const { command, open, given } = parseWords(program, before);
  const [, name, typed] = /^(--[\w-]+)=(.*)$/.exec(current) ?? [];
  const named = name === undefined ? undefined : command.options.find(({ long }) => long === name);
  const option = open ?? named;
  if (option !== undefined) {
    const values = await valuesOf(option, before);
    if (values === FILES) return [FILES];
    const prefix = open === undefined ? `${name ?? ''}=` : '';
    return toLines(
      values.map((value) => ({ value: prefix + value, description: '' })),
      prefix + (open === undefined ? (typed ?? '') : current),
    );
  }
  return toLines(current.startsWith('-') ? optionsOf(command, given) : operandsOf(command, program), current);
}

/** Returns the command of a line, the option whose value comes next, and the options that were given. */
function parseWords(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly open: Option | undefined; readonly given: ReadonlySet<string | undefined> } {
  let command = program;
  let open: Option | undefined;
  const given = new Set<string | undefined>();
  for (const word of words) {
    if (open !== undefined) {
      open = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = command.options.find(({ short, long }) => word === short || word.split('=')[0] === long);
      given.add(option?.long);
      if (option !== undefined && takesValue(option) && !word.includes('=')) open = option;
    } else if (command === program) {
      command = program.commands.find((candidate) => candidate.name() === word) ?? program;
    }
  }
  return { command, open, given };
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function optionsOf(command: Command, given: ReadonlySet<string | undefined>): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long, description }) => !given.has(long) || description.includes('(repeatable)'))
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', description }));
}

function operandsOf(command: Command, program: Command): Candidate[] {
  if (command === program) {
    const commands = program.createHelp().visibleCommands(program);
    return commands.map((subcommand) => ({ value: subcommand.name(), description: subcommand.description() }));
  }
  const [argument] = command.registeredArguments;
  return (argument?.argChoices ?? []).map((value) => ({ value, description: '' }));
}

/** Returns the values of an option: its choices, files, or the environments of the manifests on the line. */
async function valuesOf(option: Option, words: readonly string[]): Promise<readonly string[] | typeof FILES> {
  if (option.argChoices !== undefined) return option.argChoices;
  if (/<(path|file)>/.test(option.flags)) return FILES;
  return option.long === '--environment' ? environmentsOf(words) : [];
}

/** Returns the environments of the manifests on the line. TypeScript manifests are programs and are not run here. */
async function environmentsOf(words: readonly string[]): Promise<readonly string[]> {
  const files = words.flatMap((word, at) => {
    const path = /^--file=(.*)$/.exec(word)?.[1] ?? (['-f', '--file'].includes(words[at - 1] ?? '') ? word : '');
    return /\.(ya?ml|json)$/.test(path) ? [path] : [];
  });
  const { parse } = await import('yaml');
  return files.flatMap((file) => {
    try {
      const manifest = parse(readFileSync(file, 'utf8')) as { readonly environments?: object } | null;
      return Object.keys(manifest?.environments ?? {});
    } catch {
      // The command itself reports what is wrong with the file.
      return [];
    }
  });
}

function toLines(candidates: readonly Candidate[], typed: string): readonly string[] {
  return candidates
    .filter(({ value }) => value.startsWith(typed))
    .map(({ value, description }) => `${value}\t${description}`);
}

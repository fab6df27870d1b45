/** Fails where a text of the project uses a word of this list, and names the word to use instead. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const WORDS = [
  [/\bmend(?:s|ed|ing)?\b/i, 'fix or repair'],
  [/\bamiss\b/i, 'problem'],
  [/\bbefalls?\b/i, 'happens to'],
  [/\bdeeds?\b/i, 'action'],
  [/\bwhoever\b/i, 'the user that'],
  [/\bsomebody\b/i, 'the caller, another tool, another run'],
  [/\bof which\b/i, 'that'],
  [/\ball the same\b/i, 'anyway'],
  [/\b(?:comes?|came|coming) to an end\b/i, 'finish'],
  [/\blet(?:s|ting)? go of\b/i, 'release'],
  [/\bg(?:ives?|ave|iven|iving) up\b/i, 'release or stop'],
  [/\bat the (?:least|most)\b/i, 'at least, at most'],
  [/\bas it stands\b/i, 'unchanged'],
  [/\bundeclared\b/i, 'unmanaged'],
  [/\b(?:MOST|LONGEST|FEWEST|SHORTEST|LEAST|LARGEST)_[A-Z]/, 'MAX_ or MIN_'],
];

/** Files that have to name such a word. Elsewhere, a line may end with the comment `check-words: allow`. */
const EXEMPT = /^(?:scripts\/check-words\.mjs|package-lock\.json|LICENSE|CHANGELOG\.md)$|^test\/replay\/histories\//;
const TEXTS = /\.(?:ts|mjs|cjs|js|md|py|sh|ya?ml|json)$/;

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { encoding: 'utf8' }).trim().split('\n');
let found = 0;
for (const file of files.filter((name) => TEXTS.test(name) && !EXEMPT.test(name))) {
  let lines;
  try {
    lines = readFileSync(file, 'utf8').split('\n');
  } catch {
    continue;
  }
  for (const [index, line] of lines.entries()) {
    if (line.includes('check-words: allow')) continue;
    for (const [pattern, use] of WORDS) {
      const word = pattern.exec(line)?.[0];
      if (word === undefined) continue;
      found += 1;
      console.log(`${file}:${String(index + 1)}: "${word}": write ${use}`);
    }
  }
}
if (found > 0) {
  console.log(`${String(found)} ${found === 1 ? 'word' : 'words'} to replace`);
  process.exit(1);
}

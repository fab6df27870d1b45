import pc from 'picocolors';

/** Control characters in names and messages from elsewhere would move the cursor, or worse. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text from elsewhere, safe to print, in one line: another line would look like one of ours. */
export function plain(text: string): string {
  return text.replace(/[\r\n\t\u2028\u2029]+/g, ' ').replace(CONTROL, '\ufffd');
}

/** For people; everything but results goes to standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The result, and nothing else, goes to standard output. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** The contract for programs. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** What went wrong, and what to do. */
export function printError(message: string, remedy: string | null): void {
  note(`${pc.red('error:')} ${plain(message)}`);
  if (remedy !== null) note(`${pc.dim('remedy:')} ${plain(remedy)}`);
}

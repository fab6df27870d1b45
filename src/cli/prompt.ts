import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';

/** Asks questions on a terminal. */
export interface Prompt {
  /** Resolves to the trimmed answer, or to undefined once Ctrl-C or Ctrl-D closed the terminal. */
  ask(question: string): Promise<string | undefined>;
  close(): void;
}

/** Opens a prompt that reads standard input and writes to standard error. */
export function openPrompt(): Prompt {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Some versions of Node.js reject the question when the terminal closes, others never settle it.
  const closed = once(terminal, 'close').then(() => undefined);
  return {
    ask: async (question) => {
      const answer = terminal.question(question).catch(() => undefined);
      return (await Promise.race([answer, closed]))?.trim();
    },
    close: () => {
      terminal.close();
    },
  };
}

/** Returns true if a person types exactly the expected text. */
export async function confirm(question: string, expected: string): Promise<boolean> {
  const prompt = openPrompt();
  try {
    return (await prompt.ask(question)) === expected;
  } finally {
    prompt.close();
  }
}

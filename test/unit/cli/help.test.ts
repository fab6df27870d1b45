import { COMMAND_GROUPS } from '../../../src/cli/commands/definitions.js';

const commands = Object.values(COMMAND_GROUPS).flat();

test.each(commands.map((command) => [command.name, command] as const))(
  'the help of %s lists each exit code once, in order',
  (_name, { exits }) => {
    const codes = exits.map((exit) => (typeof exit === 'number' ? exit : exit[0]));
    expect(codes).toEqual([...new Set(codes)].sort((a, b) => a - b));
  },
);

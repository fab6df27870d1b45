import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IAM } from '@aws-sdk/client-iam';

/**
 * Stands in for `terraform`, `cdk` and `aws` where a page shows them beside our commands. It takes the subcommands and
 * options that their references have, notes the command line in `commands.txt`, and has the effect that our commands
 * need. Anything else ends with 64. Arguments: the tool and its arguments.
 */
const [tool = '', ...words] = process.argv.slice(2);
const folder = process.env.OTHER_TOOLS ?? '.';

/** Options by command: true takes a value. `+` is an operand that is required, `?` one that may be there. */
const FORMS = {
  'terraform plan': { '-out': true },
  'terraform apply': { '?': true },
  'terraform show': { '-json': false, '+': true },
  'terraform state rm': { '+': true },
  'cdk synth': {},
  'cdk bootstrap': { '--show-template': false, '--force': false },
  'aws cloudformation get-template': {
    '--stack-name': true,
    '--template-stage': true,
    '--query': true,
    '--output': true,
  },
  'aws cloudformation deploy': {
    '--stack-name': true,
    '--template-file': true,
    '--capabilities': true,
    '--parameter-overrides': true,
  },
  'aws iam untag-role': { '--role-name': true, '--tag-keys': true },
};

/** Returns the options and operands of a command line. */
function parse(form, rest) {
  const given = { operands: [] };
  for (let at = 0; at < rest.length; at += 1) {
    const [option, attached] = rest[at].split(/=(.*)/s);
    if (!option.startsWith('-')) given.operands.push(rest[at]);
    else if (!Object.hasOwn(form, option)) refuse(`no option ${option}`);
    else given[option] = form[option] ? (attached ?? rest[(at += 1)] ?? refuse(`${option} needs a value`)) : true;
  }
  const { length } = given.operands;
  if (length > 0 && !Object.hasOwn(form, '+') && !Object.hasOwn(form, '?')) refuse(`no operand ${given.operands[0]}`);
  if (length === 0 && Object.hasOwn(form, '+')) refuse('an operand is required');
  return given;
}

function refuse(why) {
  console.error(`${[tool, ...words].join(' ')}: ${why}`);
  process.exit(64);
}

const command = Object.keys(FORMS).find((name) => `${tool} ${words.join(' ')} `.startsWith(`${name} `));
if (command === undefined) refuse('no such command');
const given = parse(FORMS[command], words.slice(command.split(' ').length - 1));
await appendFile(join(folder, 'commands.txt'), `${[tool, ...words].join(' ')}\n`);

switch (command) {
  case 'terraform plan':
    await writeFile(given['-out'], 'a plan');
    break;
  case 'terraform show':
    await stat(given.operands[0]);
    process.stdout.write(await readFile(join(folder, 'plan.json')));
    break;
  case 'cdk synth':
    await mkdir('cdk.out', { recursive: true });
    await writeFile('cdk.out/Roles.template.json', await readFile(join(folder, 'template')));
    break;
  case 'aws cloudformation get-template':
    process.stdout.write(await readFile(join(folder, 'template')));
    break;
  case 'aws cloudformation deploy':
    await stat(given['--template-file']);
    break;
  case 'aws iam untag-role':
    // Not by the proxy, which counts our own calls.
    await new IAM({ endpoint: process.env.OTHER_TOOLS_IAM, region: 'us-east-1' }).untagRole({
      RoleName: given['--role-name'],
      TagKeys: [given['--tag-keys']],
    });
    break;
}

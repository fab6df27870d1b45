import type { Command } from 'commander';
import { accountOption, parseAssignment } from './options.js';

/** The heading under which help lists the options of a template. */
const HEADING = 'CloudFormation template:';

/** Adds the options that name the stack of a template. */
export function addStackOptions(command: Command): Command {
  return addStackValueOptions(
    command
      .optionsGroup(HEADING)
      .addOption(accountOption('account of the stack (required)'))
      .option('-n, --namespace <name>', 'namespace; default: that of the stack or file'),
  );
}

/** Adds the options of a stack that no command has with another meaning. */
export function addStackValueOptions(command: Command): Command {
  return command
    .optionsGroup(HEADING)
    .option('--assume-role <arn>', 'role in the account that the worker assumes')
    .option('--region <name>', 'region of the stack; names the partition, too')
    .option('--stack-name <name>', 'value of AWS::StackName')
    .option('--parameter <name=value>', 'parameter, export or LogicalId.Attribute (repeatable)', parseAssignment, {})
    .option('--resource-name <id=name>', 'name of a resource without one (repeatable)', parseAssignment, {})
    .option('--secret <id=location>', 'file:PATH or secretsManager:NAME (repeatable)', parseAssignment, {});
}

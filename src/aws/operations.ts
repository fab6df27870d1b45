import type * as sdk from '@aws-sdk/client-iam';

type CommandName = Extract<keyof typeof sdk, `${string}Command`>;

/** An operation of the IAM API, as AWS spells it: `GetRole`. */
export type Operation = CommandName extends `${infer Name}Command` ? Name : never;

type Command<O extends Operation> = InstanceType<(typeof sdk)[`${O}Command`]>;

/** Input of an operation, from the SDK. */
export type Input<O extends Operation> = ConstructorParameters<(typeof sdk)[`${O}Command`]>[0];

/** Output of an operation, from the SDK. */
export type Output<O extends Operation> =
  Command<O> extends { resolveMiddleware(...args: never[]): infer H }
    ? H extends (...args: never[]) => Promise<{ output: infer R }>
      ? R
      : never
    : never;

/** Members of an operation's output that are lists, which paging collects. */
export type ListMember<O extends Operation> = {
  [K in keyof Output<O>]-?: NonNullable<Output<O>[K]> extends readonly unknown[] ? K : never;
}[keyof Output<O>];

/** An element of such a list. */
export type Element<O extends Operation, M extends ListMember<O>> =
  NonNullable<Output<O>[M]> extends readonly (infer E)[] ? E : never;

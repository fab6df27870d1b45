/** One step of the address of a module: `module.ci["prod"]`. */
interface ModuleStep {
  readonly name: string;
  /** With its brackets; empty where the module is called once. */
  readonly index: string;
}

/** A reference in the configuration to an attribute of a resource or a module: `module.iam[0].role_name`. */
export interface Reference {
  /** `module`, `var`, `data`, `local`, `each`, or the type of a resource. */
  readonly first: string;
  readonly name: string;
  /** The index of the instance, with its brackets; empty where there is none. */
  readonly index: string;
  /** The attribute that comes next. Undefined for the whole object. */
  readonly attribute: string | undefined;
}

/** One step of a path: a name, and the index behind it. Keys of `for_each` may contain dots, brackets and quotes. */
const STEP = /([\p{ID_Continue}-]+)((?:\[(?:"(?:\\.|[^"\\])*"|[^\]"]*)\])*)(?:\.|$)/guy;

/** Returns the steps of an address; empty for text that is none. */
function stepsOf(address: string): readonly ModuleStep[] {
  return [...address.matchAll(STEP)].map(([, name = '', index = '']) => ({ name, index }));
}

/** Returns the modules on the way to an instance of a module, without their indexes: `["ci", "roles"]`. */
export function modulePath(moduleAddress: string): readonly string[] {
  const steps = stepsOf(moduleAddress);
  return steps.flatMap(({ name }, position) => (position % 2 === 1 ? [name] : []));
}

/** Returns the last step of the address of a module: the name of its call, and its own index. Undefined for the root. */
export function moduleStep(moduleAddress: string): ModuleStep | undefined {
  return stepsOf(moduleAddress).at(-1);
}

/** Returns the address of the module that calls an instance of a module; empty for one that the root calls. */
export function parentModule(moduleAddress: string): string {
  return stepsOf(moduleAddress)
    .slice(0, -2)
    .map(({ name, index }) => `${name}${index}`)
    .join('.');
}

/** Returns the address of a module that another one calls. */
export function childModule(moduleAddress: string, name: string, index: string): string {
  return `${moduleAddress === '' ? '' : `${moduleAddress}.`}module.${name}${index}`;
}

/** Parses a reference of a configuration. */
export function parseReference(text: string): Reference {
  const [first, second, third] = stepsOf(text);
  return { first: first?.name ?? '', name: second?.name ?? '', index: second?.index ?? '', attribute: third?.name };
}

/** Returns an index in the form that it has in an address; empty for a resource that exists once. */
export function indexText(index: string | number | undefined): string {
  if (index === undefined) return '';
  return typeof index === 'number' ? `[${String(index)}]` : `[${quoteHcl(index)}]`;
}

/** An identifier of HCL. */
const IDENTIFIER = String.raw`[\p{ID_Start}_][\p{ID_Continue}-]*`;
/** The index of an instance: a number, or a literal of HCL in which nothing is a template. */
const INDEX = String.raw`\[(?:\d+|"(?:\\(?:[nrt"\\]|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|\$\$\{|%%\{|[$%](?!\{)|[^"\\$%\p{Cc}])*")\]`;

const IDENTIFIERS: Readonly<Record<'name' | 'module', RegExp>> = {
  name: new RegExp(`^${IDENTIFIER}$`, 'u'),
  module: new RegExp(String.raw`^(?:module\.${IDENTIFIER}(?:${INDEX})?(?:\.|$))*$`, 'u'),
};

/** The parts of the address of a resource, as a plan gives them beside the address. */
interface AddressParts {
  readonly moduleAddress: string;
  readonly type: string;
  readonly name: string;
  readonly index: string | number | undefined;
}

/** Returns the address that a resource with these parts has; undefined where one of them cannot be a part of an address. */
export function addressOf({ moduleAddress, type, name, index }: AddressParts): string | undefined {
  const { name: identifier, module } = IDENTIFIERS;
  if (!identifier.test(type) || !identifier.test(name)) return undefined;
  if (!module.test(moduleAddress) || moduleAddress.endsWith('.')) return undefined;
  if (typeof index === 'number' && !(Number.isSafeInteger(index) && index >= 0)) return undefined;
  return `${moduleAddress === '' ? '' : `${moduleAddress}.`}${type}.${name}${indexText(index)}`;
}

/** Characters of a literal that HCL writes with a backslash. */
const ESCAPES: Readonly<Record<string, string>> = {
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
  '"': String.raw`\"`,
  '\\': String.raw`\\`,
};

/** Returns a text as a literal of HCL, as Terraform writes it in addresses. Nothing in it is a template. */
export function quoteHcl(text: string): string {
  const escaped = text
    .replace(/[$%](?=\{)/g, (sign) => sign + sign)
    .replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (sign) => ESCAPES[sign] ?? codePointText(sign));
  return `"${escaped}"`;
}

function codePointText(sign: string): string {
  const hex = (sign.codePointAt(0) ?? 0).toString(16);
  return hex.length > 4 ? String.raw`\U${hex.padStart(8, '0')}` : String.raw`\u${hex.padStart(4, '0')}`;
}

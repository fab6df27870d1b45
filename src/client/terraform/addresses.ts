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
const STEP = /([\w-]+)((?:\[(?:"(?:\\.|[^"\\])*"|[^\]"]*)\])*)(?:\.|$)/gy;

/** Returns the steps of an address; empty for text that is none. */
function stepsOf(address: string): readonly ModuleStep[] {
  return [...address.matchAll(STEP)].map(([, name = '', index = '']) => ({ name, index }));
}

/** Returns the modules on the way to an instance of a module, without their indexes: `["ci", "roles"]`. */
export function modulePath(moduleAddress: string): readonly string[] {
  const steps = stepsOf(moduleAddress);
  return steps.flatMap(({ name }, position) => (position % 2 === 1 ? [name] : []));
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

/** Returns a text as a literal of HCL, in which nothing is a template. */
export function quoteHcl(text: string): string {
  return JSON.stringify(text).replace(/[$%](?=\{)/g, (sign) => sign + sign);
}

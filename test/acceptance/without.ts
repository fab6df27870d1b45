/** Returns an object without one of its members. */
export function without<T extends object, K extends keyof T>(value: T, member: K): Omit<T, K> {
  const copy: Partial<T> = { ...value };
  Reflect.deleteProperty(copy, member);
  return copy as Omit<T, K>;
}

/** A store of which some calls are answered in another way. @module */

/** The store, with calls of its own in place of some. The others go to the store itself. */
export function withCalls<S extends object>(store: S, calls: Partial<S>): S {
  return new Proxy(store, {
    get(target, name) {
      const own = Reflect.get(calls, name, calls);
      if (own !== undefined) return own;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Deadlines for tests: one that hangs fails, and is named. @module */

/** The ways in which `Deno.test` is called. */
type TestArguments = readonly (string | Deno.TestDefinition["fn"] | Partial<Deno.TestDefinition>)[];

/** Where Deno looks for the place of a test in the source, if it is not where `Deno.test` is called. */
const LOCATION = Symbol.for("Deno.test.location");

/** Makes a `Deno.test` whose tests fail after so many milliseconds, unless they name a `timeout` of their own. */
export function withDeadline(test: typeof Deno.test, milliseconds: number): typeof Deno.test {
  const register = (...given: TestArguments) => {
    const definition = definitionOf(given);
    const located = Object.assign((context: Deno.TestContext) => definition.fn(context), {
      [LOCATION]: callerOf(register),
    });
    test({ timeout: milliseconds, ...definition, fn: located });
  };
  return Object.assign(register as typeof Deno.test, test);
}

/** What was given, in one object: a name, options and a function come in this order, and each may be left out. */
function definitionOf(given: TestArguments): Deno.TestDefinition {
  const name = given.find((each) => typeof each === "string");
  const fn = given.find((each) => typeof each === "function");
  const options = given.find((each) => typeof each === "object");
  const definition = { ...options, ...(name !== undefined && { name }), ...(fn && { fn }) };
  return { ...definition, name: definition.name ?? definition.fn?.name } as Deno.TestDefinition;
}

/** The file, line and column where a function was called, as `file:///tests/a_test.ts:7:1`. */
function callerOf(called: (...given: TestArguments) => void): string | undefined {
  const trace = { stack: "" };
  Error.captureStackTrace(trace, called);
  return /[a-z]+:\/\/[^\s()]+:\d+:\d+/.exec(trace.stack)?.[0];
}

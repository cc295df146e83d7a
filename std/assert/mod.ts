/**
 * Stand-in for `@std/assert`, for a network where only the npm registry can be
 * reached: what Postern's tests use of it, over `node:util`. Messages differ
 * from the real one's, and 0 is not -0 here.
 */
import { inspect, isDeepStrictEqual } from "node:util";

/** What a failed assertion throws. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

type Constructor<T> = abstract new (...args: never[]) => T;

function show(value: unknown): string {
  return inspect(value, {
    depth: 10,
    sorted: true,
    maxArrayLength: 200,
    maxStringLength: 10_000,
  });
}

/** Makes a test fail. */
export function fail(msg?: string): never {
  throw new AssertionError(
    msg ? `Failed assertion: ${msg}` : "Failed assertion",
  );
}

function refuse(problem: string, msg: string | undefined): never {
  throw new AssertionError(msg ? `${problem}: ${msg}` : problem);
}

function compared(actual: unknown, expected: unknown): string {
  return `\n  actual: ${show(actual)}\n  expected: ${show(expected)}\n`;
}

/** `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** `expr` is falsy. */
export function assertFalse(expr: unknown, msg = ""): asserts expr is false {
  if (expr) throw new AssertionError(msg);
}

/** `actual` is neither null nor undefined. */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) {
    refuse(`Expected a value, not ${actual}`, msg);
  }
}

/** A copy in which objects without a prototype are plain ones. */
function plain(value: unknown, copies = new Map<unknown, unknown>()): unknown {
  if (typeof value !== "object" || value === null) return value;
  const prototype = Object.getPrototypeOf(value);
  if (![Array.prototype, Object.prototype, null].includes(prototype)) {
    return value;
  }
  if (copies.has(value)) return copies.get(value);
  const copy = Array.isArray(value) ? new Array(value.length) : {};
  copies.set(value, copy);
  for (const key of Reflect.ownKeys(value)) {
    const property = Reflect.getOwnPropertyDescriptor(value, key)!;
    if ("value" in property) property.value = plain(property.value, copies);
    Reflect.defineProperty(copy, key, property);
  }
  return copy;
}

function equal(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) || isDeepStrictEqual(plain(a), plain(b));
}

/** Both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  refuse(`Values are not equal${compared(actual, expected)}`, msg);
}

/** Both are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  refuse(`Values are equal: ${show(actual)}`, msg);
}

/** Both are the same value. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  refuse(`Values are not the same${compared(actual, expected)}`, msg);
}

/** `actual` contains `expected`. */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  refuse(`Expected ${show(actual)} to contain ${show(expected)}`, msg);
}

/** `actual` matches `expected`. */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  refuse(`Expected ${show(actual)} to match ${expected}`, msg);
}

/** `actual` is an instance of `expectedType`. */
export function assertInstanceOf<T>(
  actual: unknown,
  expectedType: Constructor<T>,
  msg?: string,
): asserts actual is T {
  if (actual instanceof expectedType) return;
  refuse(`Expected ${show(actual)} to be of ${expectedType.name}`, msg);
}

function pick(actual: unknown, pattern: unknown): unknown {
  if (
    typeof actual !== "object" || typeof pattern !== "object" ||
    actual === null || pattern === null || actual instanceof RegExp ||
    actual instanceof Date || actual instanceof Map || actual instanceof Set
  ) return actual;
  if (Array.isArray(actual)) {
    return actual.map((item, index) => pick(item, Reflect.get(pattern, index)));
  }
  return Object.fromEntries(
    Reflect.ownKeys(pattern).filter((key) => key in actual).map((
      key,
    ) => [key, pick(Reflect.get(actual, key), Reflect.get(pattern, key))]),
  );
}

/** `actual` has at least all that `expected` has. */
export function assertObjectMatch(
  // deno-lint-ignore no-explicit-any
  actual: Record<PropertyKey, any>,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void {
  assertEquals<unknown>(pick(actual, expected), pick(expected, expected), msg);
}

function checkError<E extends Error>(
  error: unknown,
  ErrorClass: Constructor<E> | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): void {
  if (ErrorClass === undefined) return;
  if (!(error instanceof Error)) refuse("Expected an Error object", msg);
  if (!(error instanceof ErrorClass)) {
    refuse(`Expected ${ErrorClass.name}, not ${show(error)}`, msg);
  }
  if (msgIncludes !== undefined && !error.message.includes(msgIncludes)) {
    refuse(
      `Expected the message to contain ${show(msgIncludes)}, not ${
        show(error.message)
      }`,
      msg,
    );
  }
}

/** `fn` throws. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** `fn` throws an `ErrorClass` whose message contains `msgIncludes`. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: Constructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const given = typeof classOrMsg === "string" ? classOrMsg : msg;
  const ErrorClass = typeof classOrMsg === "string" ? undefined : classOrMsg;
  try {
    fn();
  } catch (error) {
    checkError(error, ErrorClass, msgIncludes, given);
    return error;
  }
  refuse("Expected the function to throw", given);
}

/** The promise of `fn` rejects. */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/** The promise of `fn` rejects with an `ErrorClass`, message checked. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Constructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const given = typeof classOrMsg === "string" ? classOrMsg : msg;
  const ErrorClass = typeof classOrMsg === "string" ? undefined : classOrMsg;
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    if (promise === undefined) {
      refuse(
        `Expected a rejection, but the function threw ${show(error)}`,
        given,
      );
    }
    checkError(error, ErrorClass, msgIncludes, given);
    return error;
  }
  refuse("Expected the promise to reject", given);
}

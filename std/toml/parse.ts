/**
 * Stand-in for `@std/toml/parse` over npm's smol-toml. It is stricter than the
 * real one (duplicate keys, two pairs on a line), and its dates are a subclass
 * of `Date`; Postern relies on neither.
 */
import { parse as parseToml, TomlError } from "smol-toml";

/**
 * Parses TOML into an object.
 *
 * @throws {SyntaxError} Where the text is not TOML.
 */
export function parse(tomlString: string): Record<string, unknown> {
  try {
    return parseToml(tomlString);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new SyntaxError(error.message, { cause: error });
  }
}

/**
 * Where the program's configuration comes from: a file, the command line, this
 * machine.
 *
 * @module
 */

import type { Config, ConfigInput } from "../config/config.ts";
import { type Loaded, parseConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { machine } from "../machine.ts";
import { reasonOf, say } from "./usage.ts";

/** Looked for in the working folder where no `-c` names another. */
const DEFAULT_FILE = "postern.toml";

/**
 * The file that `-c` named, or the one in the working folder if it is there.
 * Who runs for long keeps it: a file that goes missing is then an error, and
 * not a return to the defaults.
 */
export function configurationFile(
  file: string | undefined,
): string | undefined {
  if (file !== undefined) return file;
  try {
    Deno.lstatSync(DEFAULT_FILE);
    return DEFAULT_FILE;
  } catch {
    return undefined;
  }
}

/** Reads the configuration; `file` is what `-c` said. */
export function readConfiguration(
  file: string | undefined,
  overrides: ConfigInput = {},
): Loaded {
  const name = file ?? DEFAULT_FILE;
  let text = "";
  try {
    text = Deno.readTextFileSync(name);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound;
    if (file !== undefined || !isMissing) {
      const problem = `Cannot read the file: ${
        isMissing ? "it does not exist" : reasonOf(error)
      }`;
      return {
        config: undefined,
        problems: [{ file: name, line: 0, column: 0, key: "", problem }],
        warnings: [],
      };
    }
  }
  return parseConfig(text, { ...machine(), file: name, overrides });
}

/** The configuration, its problems and warnings said; nothing where it can't be used. */
export function useConfiguration(
  file: string | undefined,
  overrides: ConfigInput = {},
): Config | undefined {
  const { config, problems, warnings } = readConfiguration(file, overrides);
  for (const problem of problems) say(formatProblem(problem));
  for (const warning of warnings) say(`Warning: ${formatProblem(warning)}`);
  return config;
}

/**
 * `postern config`: check, print, explain.
 *
 * @module
 */

import { explainConfig, printConfig } from "../config/print.ts";
import { checkFiles } from "./checked_files.ts";
import {
  configurationFile,
  readConfiguration,
  useConfiguration,
} from "./configuration.ts";
import { formatProblem } from "../config/problem.ts";
import { type Command, parseOptions, print, say, UsageError } from "./usage.ts";

/** Checks, prints and explains configurations. */
export const configCommand: Command = {
  summary: "check, print or explain the configuration",
  usage: "config check [-c FILE] [--json] | print [-c FILE] | explain [KEY]",
  help:
    `  check          all errors at once, each FILE:LINE:COLUMN: key: problem;
                 certificates, keys and users too
  print          the complete configuration with defaults; passwords as dots
  explain [KEY]  what a key, a section or everything means
  -c FILE        the configuration; default: ./postern.toml, or none
  --json         problems and warnings as one line of JSON

Example:
  postern config explain limits.data`,
  run(args) {
    const [action, ...rest] = args;
    switch (action) {
      case "check":
        return check(rest);
      case "print": {
        const options = parseOptions(rest, { string: ["config"] });
        const config = useConfiguration(options.value("config"));
        if (config === undefined) return 1;
        print(printConfig(config).trimEnd());
        return 0;
      }
      case "explain":
        return explain(parseOptions(rest, {}, 1).rest[0]);
      default:
        throw new UsageError(
          action === undefined
            ? "No action: expected check, print or explain"
            : `Cannot run "config ${action}": expected check, print or explain`,
        );
    }
  },
};

async function check(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, {
    string: ["config"],
    boolean: ["json"],
  });
  const file = options.value("config");
  const read = readConfiguration(file);
  const files = read.config === undefined
    ? { problems: [], warnings: [] }
    : await checkFiles(read.config, configurationFile(file) ?? "");
  const problems = [...read.problems, ...files.problems];
  const warnings = [...read.warnings, ...files.warnings];
  if (options.has("json")) print(JSON.stringify({ problems, warnings }));
  else {
    problems.forEach((problem) => print(formatProblem(problem)));
    warnings.forEach((problem) => print(`Warning: ${formatProblem(problem)}`));
    if (problems.length === 0) say("The configuration is valid.");
  }
  return problems.length === 0 ? 0 : 1;
}

function explain(key: string | undefined): number {
  const text = explainConfig(key);
  if (text === undefined) {
    say(`Unknown key "${key}": expected one of "postern config explain"`);
    return 1;
  }
  print(text.trimEnd());
  return 0;
}

#!/usr/bin/env -S deno run --allow-net --allow-read --allow-write --allow-env --allow-sys=hostname --allow-run=sh
/**
 * The program `postern`: a table of commands.
 *
 * Exit status: 0 done; 1 it said no; 2 used wrongly, with one line that says
 * what was expected.
 *
 * @module
 */

import { configCommand } from "./lib/cli/config.ts";
import { replayCommand } from "./lib/cli/replay.ts";
import { passwdCommand } from "./lib/cli/passwd.ts";
import { recordCommand } from "./lib/cli/record.ts";
import { sendCommand } from "./lib/cli/send.ts";
import { serveCommand } from "./lib/cli/serve.ts";
import {
  type Command,
  OutputError,
  parseOptions,
  print,
  say,
  UsageError,
} from "./lib/cli/usage.ts";
import project from "./deno.json" with { type: "json" };

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: serveCommand,
  send: sendCommand,
  record: recordCommand,
  replay: replayCommand,
  config: configCommand,
  passwd: passwdCommand,
  version: {
    summary: "print the version",
    usage: "version",
    help: "Example:\n  postern version",
    run(args) {
      parseOptions(args, {});
      print(`postern ${project.version}`);
      return 0;
    },
  },
  help: {
    summary: "explain a command",
    usage: "help [COMMAND]",
    help: "Example:\n  postern help serve",
    run(args) {
      const [name] = parseOptions(args, {}, 1).rest;
      if (name === undefined) print(overview());
      else print(helpOf(name, commandOf(name)));
      return 0;
    },
  },
};

/** Runs the program; the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const [first = "help", ...rest] = args;
  const name = { "--help": "help", "-h": "help", "--version": "version" }[
    first
  ] ?? first;
  try {
    const command = commandOf(name);
    if (rest.includes("--help") || rest.includes("-h")) {
      print(helpOf(name, command));
      return 0;
    }
    return await command.run(rest);
  } catch (error) {
    if (error instanceof OutputError) {
      error.tell();
      return 1;
    }
    if (!(error instanceof UsageError)) throw error;
    say(`postern ${name}: ${error.message}`);
    return 2;
  }
}

function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command;
  const names = Object.keys(COMMANDS).join(", ");
  throw new UsageError(`Unknown command "${name}": expected one of ${names}`);
}

function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) =>
    `  ${name.padEnd(9)} ${summary}`
  );
  return `postern: an SMTP server and proxy

${lines.join("\n")}

"postern COMMAND --help" explains a command.`;
}

function helpOf(name: string, { summary, usage, help }: Command): string {
  return `postern ${name}: ${summary}\n\n  postern ${usage}\n\n${help}`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));

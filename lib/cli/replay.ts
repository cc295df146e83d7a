/**
 * `postern replay`: conversations from files, played, and a report of them.
 *
 * @module
 */

import { formatListenAddress } from "../address.ts";
import { ListeningServer } from "../live/listening.ts";
import { JsonReporter } from "../suite/report_json.ts";
import { JunitReporter } from "../suite/report_junit.ts";
import { PrettyReporter } from "../suite/report_pretty.ts";
import { TapReporter } from "../suite/report_tap.ts";
import type { Reporter } from "../suite/reporter.ts";
import { tryPath } from "../suite/trial.ts";
import { countVerdicts, type Verdict } from "../suite/verdict.ts";
import { choiceOf, listeningOptions, trialOptions } from "./replay_options.ts";
import {
  type Command,
  parseOptions,
  print,
  reasonOf,
  say,
  UsageError,
} from "./usage.ts";

const REPORTERS: Readonly<Record<string, () => Reporter>> = {
  pretty: () => new PrettyReporter(Deno.stdout.isTerminal() && !Deno.noColor),
  tap: () => new TapReporter(),
  junit: () => new JunitReporter(),
  json: () => new JsonReporter(),
};

/** Plays conversations from files. */
export const replayCommand: Command = {
  summary: "play recorded conversations and compare what comes",
  usage:
    "replay [--as client|relay] [--server HOST[:PORT]] [--listen ADDR] [--split SPLIT] [--mutate N] [--seed S] [--timeout 10s] [--update] [--reporter NAME] PATH…",
  help:
    `  PATH               a transcript, a log of swaks, an RFC's listing, or a
                     folder: all *.txt in it and below
  --as client|relay  the part the file plays: the client's, against Postern in
                     memory (default), or the server's, against its client
  --server HOST      play against this server instead: HOST[:PORT], port 25
                     unless given, or unix:/PATH
  --listen ADDR      with --as relay: play against any client that connects
                     there, HOST:PORT or unix:/PATH; each play takes the next
                     connection
  --split SPLIT      how the bytes are cut: whole, bytes, pipelined, every,
                     every:N, random:SEED or all; default: all in memory,
                     whole against another program
  --mutate N         instead, N mutations of each in memory, and what must
                     always hold
  --seed S           the first mutation's seed; default: 1
  --timeout 10s      how long the other end may take to connect, and for each
                     line; default with --listen: 60s
  --update           write what the server said into the files that fail
  --reporter NAME    pretty (default), tap, junit or json

The values of \${secret:NAME} come from the environment:
POSTERN_SECRET_AUTH=USER:PASSWORD is that of \${secret:auth}.

Exit status 0 when all passed or were skipped, 1 when one did not, 2 when a
file could not be read.

Examples:
  postern replay --server mx.example.org:25 fixtures/server
  postern replay --as relay --listen 127.0.0.1:2500 conversations`,
  async run(args) {
    const options = parseOptions(args, {
      string: [
        ...["as", "server", "listen", "split", "mutate", "seed", "timeout"],
        "reporter",
      ],
      boolean: ["update"],
    }, Infinity);
    if (options.rest.length === 0) {
      throw new UsageError("No path: expected at least one file or folder");
    }
    const reporter = choiceOf(options, "reporter", REPORTERS, "pretty")();
    const where = listeningOptions(options);
    let listening: ListeningServer | undefined;
    try {
      listening = where && await ListeningServer.listen(where);
    } catch (error) {
      say(reasonOf(error));
      return 1;
    }
    await using _closed = listening;
    const trial = trialOptions(options, listening);
    if (listening !== undefined) {
      // Who reads this line may connect at once.
      say(`Listening on ${formatListenAddress(listening.address)}`);
    }
    const verdicts: Verdict[] = [];
    let isMissing = false;
    const start = performance.now();
    show(reporter.begin());
    for (const path of options.rest) {
      const before = verdicts.length;
      for await (const verdict of tryPath(path, trial)) {
        verdicts.push(verdict);
        show(reporter.add(verdict));
      }
      if (verdicts.length > before) continue;
      isMissing = true;
      say(`Nothing to play in ${path}: expected files *.txt`);
    }
    show(reporter.end(verdicts, performance.now() - start));
    const { failed, unreadable } = countVerdicts(verdicts);
    return unreadable > 0 ? 2 : failed > 0 || isMissing ? 1 : 0;
  },
};

function show(text: string): void {
  if (text !== "") print(text.replace(/\n$/, ""));
}

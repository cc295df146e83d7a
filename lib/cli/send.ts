/**
 * `postern send`: one message, and each recipient's fate.
 *
 * @module
 */

import { type Fate, parseEnvelope, parseServer, sendMessage } from "../send.ts";
import { useConfiguration } from "./configuration.ts";
import {
  type Command,
  parseOptions,
  print,
  reasonOf,
  say,
  UsageError,
} from "./usage.ts";

/** Sends one message. */
export const sendCommand: Command = {
  summary: "send one message",
  usage:
    "send --from A --to B [--to C]… [--server HOST[:PORT]|URL] [-c FILE] [--json] [FILE|-]",
  help: `  --from ADDRESS     the sender; "" or "<>" for none
  --to ADDRESS       a recipient; may be repeated
  --server URL       HOST[:PORT], smtp://USER:PWD@HOST, smtps://USER:PWD@HOST,
                     lmtp://HOST:PORT or unix:/PATH; default: the configured
                     relay, or else Postern itself
  -c, --config FILE  the configuration; default: ./postern.toml, or none
  --json             the fates as one line of JSON
  FILE               the message; default: standard input

Exit status 0 when every recipient was served, else 1.

Example:
  postern send --from a@example.org --to b@localhost message.eml`,
  async run(args) {
    const options = parseOptions(args, {
      string: ["config", "from", "server"],
      collect: ["to"],
      boolean: ["json"],
    }, 1);
    const from = options.value("from");
    if (from === undefined) {
      throw new UsageError("No sender: expected --from ADDRESS");
    }
    const to = options.values("to");
    if (to.length === 0) {
      throw new UsageError("No recipient: expected --to ADDRESS");
    }
    const envelope = usable(() => parseEnvelope(from, to));
    const url = options.value("server");
    const given = url === undefined ? url : usable(() => parseServer(url));
    const config = useConfiguration(options.value("config"));
    if (config === undefined) return 1;
    let message: Uint8Array;
    try {
      message = await readMessage(options.rest[0] ?? "-");
    } catch (error) {
      say(`Cannot read the message: ${reasonOf(error)}`);
      return 1;
    }
    const server = given ?? config.relay.url ??
      parseServer(config.server.listen[0]);
    const fates = await sendMessage(message, { envelope, server, config });
    if (options.has("json")) print(JSON.stringify(fates.map(toJson)));
    else fates.forEach((fate) => print(formatFate(fate)));
    return fates.every(({ delivered }) => delivered) ? 0 : 1;
  },
};

/** What an option says; what it says wrong is wrong use. */
function usable<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
}

async function readMessage(file: string): Promise<Uint8Array> {
  if (file !== "-") return await Deno.readFile(file);
  return await new Response(Deno.stdin.readable).bytes();
}

function replyText({ reply }: Fate): string {
  const { code, status = "", text } = reply;
  const lines = typeof text === "string" ? text : text.join(" ");
  return [code, status, lines].filter((part) => part !== "").join(" ");
}

function formatFate(fate: Fate): string {
  const { recipient, delivered, step, error } = fate;
  const what = delivered ? "sent" : `not sent, at ${step}`;
  return `${recipient}: ${what}: ${error?.message ?? replyText(fate)}`;
}

function toJson(fate: Fate): unknown {
  const { recipient, delivered, step, reply, error } = fate;
  return { recipient, delivered, step, reply, error: error?.message };
}

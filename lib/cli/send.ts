/**
 * `postern send`: one message, and each recipient's fate.
 *
 * @module
 */

import { parseRelayUrl, type RelayAddress } from "../config/address.ts";
import type { Config } from "../config/config.ts";
import {
  type Mailbox,
  parseMailbox,
  type ReversePath,
} from "../engine/path.ts";
import { readCaCerts, relaySettings } from "../runtime.ts";
import { type Fate, sendMessage } from "../send.ts";
import { reasonOf, useConfiguration } from "./configuration.ts";
import { type Command, parseOptions, print, say, UsageError } from "./usage.ts";

/** Sends one message. */
export const sendCommand: Command = {
  summary: "send one message",
  usage:
    "send --from A --to B [--to C]… [--server HOST[:PORT]|URL] [-c FILE] [--json] [FILE|-]",
  help: `  --from ADDRESS     the sender; "" or "<>" for none
  --to ADDRESS       a recipient; may be repeated
  --server URL       HOST[:PORT], plain://USER:PWD@HOST:587 or unix:/PATH;
                     default: the configured relay, or else Postern itself
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
    const sender = parseSender(options.value("from"));
    const recipients = options.values("to").map((text) =>
      mailboxOf("--to", text)
    );
    if (recipients.length === 0) {
      throw new UsageError("No recipient: expected --to ADDRESS");
    }
    const url = options.value("server");
    const server = url === undefined ? undefined : serverOf(url);
    const config = useConfiguration(options.value("config"));
    if (config === undefined) return 1;
    let message: Uint8Array;
    try {
      message = await readMessage(options.rest[0] ?? "-");
    } catch (error) {
      say(`Cannot read the message: ${reasonOf(error)}`);
      return 1;
    }
    const settings = relaySettings(
      config,
      server ?? defaultServer(config),
      readCaCerts(config),
    );
    // The configuration's default fits its own relay, and not credentials that
    // the command line brings.
    const tls = server !== undefined && settings.credentials !== undefined &&
        settings.tls === "opportunistic"
      ? "verified"
      : settings.tls;
    const envelope = { sender, recipients };
    const fates = await sendMessage(message, envelope, {
      ...settings,
      tls,
    });
    if (options.has("json")) print(JSON.stringify(fates.map(toJson)));
    else fates.forEach((fate) => print(formatFate(fate)));
    return fates.every(({ delivered }) => delivered) ? 0 : 1;
  },
};

function parseSender(text: string | undefined): ReversePath {
  if (text === undefined) {
    throw new UsageError("No sender: expected --from ADDRESS");
  }
  return text === "" || text === "<>" ? null : mailboxOf("--from", text);
}

function mailboxOf(option: string, text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (parsed.ok) return parsed.value;
  throw new UsageError(
    `Cannot use "${text}" for ${option}: expected ${parsed.expected} at column ${
      parsed.at + 1
    }`,
  );
}

function serverOf(url: string): RelayAddress {
  const parsed = parseRelayUrl(url);
  if (parsed.ok) return parsed.value;
  // The URL may hold a password, so it isn't repeated.
  throw new UsageError(`Cannot use --server: expected ${parsed.expected}`);
}

function defaultServer({ relay, server }: Config): RelayAddress {
  if (relay.url !== undefined) return relay.url;
  const own = server.listen[0];
  if (own?.transport === "unix") return { ...own, scheme: "unix" };
  const { hostname: host, port } = own ?? { hostname: "127.0.0.1", port: 2525 };
  return { transport: "tcp", scheme: "smtp", host, port };
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

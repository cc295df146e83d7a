import { assert, assertEquals, assertMatch } from "@std/assert";
import type { RawClient } from "./support/raw_client.ts";
import { ScriptedRelay } from "./support/scripted_relay.ts";
import { Serving, servingBefore } from "./support/serving.ts";
import { traceIn } from "./support/trace.ts";

const OFFERS = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"];

const BINARY = [...OFFERS, "CHUNKING", "BINARYMIME"];

const PROBES = { probesRelay: true };

/** A server whose relay's offer is known. */
async function knowing(
  relay: ScriptedRelay,
  config: Parameters<typeof servingBefore>[1] = {},
): Promise<Serving> {
  const before = await servingBefore(relay, config, PROBES);
  const waiting = async () => {
    using client = await before.client();
    const first = await client.ask("EHLO x.test");
    return relay.peers.length > 0 && first.length > 0;
  };
  while (!await waiting());
  return before;
}

async function begin(client: RawClient, parameters = ""): Promise<string> {
  const mail = await client.ask(`MAIL FROM:<a@example.org>${parameters}`);
  if (!mail.startsWith("250")) return mail;
  return await client.ask("RCPT TO:<b@localhost>");
}

/** Sends a chunk and takes its reply. */
async function chunk(
  client: RawClient,
  octets: string,
  isLast = false,
): Promise<string> {
  const last = isLast ? " LAST" : "";
  await client.send(`BDAT ${octets.length}${last}\r\n${octets}`);
  return await client.reply();
}

/** The message that came, without our trace. */
function message(relay: ScriptedRelay): string {
  return relay.taken.at(-1)!.data.replace(/^Received:.*\r\n(?:[ \t].*\r\n)*/, "");
}

/**
 * Asks a server what it offers, for `@requires`: the keywords of its EHLO, in
 * clear and, where it offers STARTTLS, in TLS too.
 *
 * It does not ask what a client gets who has logged in.
 *
 * @module
 */

import type { StageWire } from "../replay/stage.ts";

/** Most lines of a reply: more keywords than there are registered. */
const MAX_REPLY_LINES = 256;

/** The one name that every client has. RFC 5321 section 4.1.3. */
const EHLO = "EHLO [127.0.0.1]";

const ENCODER = new TextEncoder();

/**
 * Greets a server, and takes leave of it.
 *
 * @param wire A connection on which nothing was said yet.
 * @returns The keywords in capitals; `undefined` where it didn't answer.
 */
export async function askCapabilities(
  wire: StageWire,
): Promise<ReadonlySet<string> | undefined> {
  const greeting = await replyOf(wire);
  if (greeting === undefined) return undefined;
  const offered = await hello(wire);
  if (offered?.has("STARTTLS") && await startTls(wire)) {
    for (const keyword of await hello(wire) ?? []) offered.add(keyword);
  }
  await wire.send(ENCODER.encode("QUIT\r\n"));
  return offered;
}

async function hello(wire: StageWire): Promise<Set<string> | undefined> {
  const reply = await ask(wire, EHLO);
  if (reply === undefined) return undefined;
  if (!reply[0]!.startsWith("250")) return new Set();
  // The first line is the server's name. RFC 5321 section 4.1.1.1.
  return new Set(
    reply.slice(1).map((line) => line.slice(4).split(" ")[0]!.toUpperCase()),
  );
}

async function startTls(wire: StageWire): Promise<boolean> {
  const reply = await ask(wire, "STARTTLS");
  if (!reply?.[0]?.startsWith("220")) return false;
  try {
    await wire.startTls();
    return true;
  } catch {
    // It is what it offers in clear then; a conversation in TLS will fail.
    return false;
  }
}

async function ask(
  wire: StageWire,
  command: string,
): Promise<string[] | undefined> {
  await wire.send(ENCODER.encode(`${command}\r\n`));
  return await replyOf(wire);
}

async function replyOf(wire: StageWire): Promise<string[] | undefined> {
  const lines: string[] = [];
  while (lines.length < MAX_REPLY_LINES) {
    const line = await wire.line();
    if (typeof line !== "string") return undefined;
    lines.push(line);
    if (line[3] !== "-") return lines;
  }
  return undefined;
}

/**
 * Lists of hosts and networks as the configuration has them, their names looked
 * up.
 *
 * @module
 */

import type { Log } from "./log/log.ts";
import { Networks, parseNetwork } from "./policy/networks.ts";
import { lookupAll } from "./transport/dial.ts";

/**
 * Reads a list. A name that nobody knows now is logged, and holds no address.
 *
 * @throws {TypeError} A member can't be read; the message begins with `key`.
 */
export async function readNetworks(
  texts: readonly string[],
  key: string,
  log: Log,
): Promise<Networks> {
  const networks = new Networks();
  for (const text of texts) await add(networks, text, key, log);
  return networks;
}

async function add(
  networks: Networks,
  text: string,
  key: string,
  log: Log,
): Promise<void> {
  const parsed = parseNetwork(text);
  if (!parsed.ok) {
    throw new TypeError(
      `${key}: Cannot use "${text}" as a network: expected ${parsed.expected}`,
    );
  }
  const member = parsed.value;
  if (member.kind === "network") return networks.add(member);
  if (member.text === "localhost") {
    // RFC 6761 section 6.3, whatever the resolver says: all of 127/8, and ::1.
    await add(networks, "127.0.0.0/8", key, log);
    return networks.add(member, ["127.0.0.1", "::1"]);
  }
  try {
    networks.add(member, await lookupAll(member.text));
  } catch (error) {
    log.warn("network-unknown", { key, name: text, error });
  }
}

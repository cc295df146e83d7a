/**
 * What a transcript says of the configuration that it was recorded under, so
 * that it plays back under the same.
 *
 * The rule: only what the outcome depends on, and nothing private. Whether the
 * client may send anywhere is said of its own address, not with the list of
 * networks; the relay's address and credentials are replaced.
 *
 * @module
 */

import {
  formatRelay,
  formatRelayDomain,
  type RelayAddress,
  SMTP_PORT,
} from "./config/address.ts";
import type { Config } from "./config/config.ts";
import { defaultConfig } from "./config/load.ts";
import { formatKey } from "./config/print.ts";
import { keysOf } from "./config/schema.ts";
import { quote } from "./config/value.ts";
import type { RelayEntry } from "./policy/relay_table.ts";

/** A setting of a transcript, its value as TOML. */
export interface RecordedSetting {
  /** The key, such as `limits.data`. */
  readonly key: string;
  /** Its value. */
  readonly text: string;
}

/** The client of a connection without an address, as on a Unix socket. */
const NO_ADDRESS_CLIENT = "127.0.0.1";

/** What `local.networks` holds where it says nothing. RFC 6761 section 6.3. */
const LOOPBACK = /^127\.|^::1$/;

/** The relay's name in transcripts. */
const RELAY = "relay.test";

/** Sections that bear on any session. */
const SECTIONS = ["limits", "flags"];

/** What a client is to the server when its session begins. */
export interface RecordedClient {
  /** Its bare address; empty on a Unix socket. */
  readonly address: string;
  /** Whether it may send anywhere. */
  readonly isLocal: boolean;
  /** When its session begins, in ms since the epoch. */
  readonly began: number;
}

/** The settings of one session's transcript alone. */
export function sessionSettings(
  { relay: { url, tls } }: Config,
  client: RecordedClient,
  entries: readonly RelayEntry[],
): RecordedSetting[] {
  const address = client.address || NO_ADDRESS_CLIENT;
  const domains = renamed(url, entries).map(formatRelayDomain).map(quote);
  const settings = [
    { key: "client", text: address },
    // To the second: a transcript has no finer dates.
    {
      key: "clock",
      text: new Date(client.began).toISOString().replace(/\.\d+/, ""),
    },
    { key: "relay.domains", text: `[${domains.join(", ")}]` },
  ];
  if (client.isLocal !== LOOPBACK.test(address)) {
    const text = client.isLocal ? `[${quote(address)}]` : "[]";
    settings.push({ key: "local.networks", text });
  }
  // Else the player would have a relay where there was none.
  const hasOwnRelays = entries.some(({ hostname }) => hostname !== undefined);
  if (url === undefined && hasOwnRelays) {
    settings.push({ key: "relay.url", text: '""' });
    if (tls === undefined) {
      settings.push({ key: "relay.tls", text: quote("opportunistic") });
    }
  }
  return settings;
}

/** The list with other names for the relays, the same for the same ones. */
function renamed(
  url: RelayAddress | undefined,
  entries: readonly RelayEntry[],
): RelayEntry[] {
  const relays = url === undefined ? [] : [formatRelay(url)];
  return entries.map(({ domain, hostname, port = SMTP_PORT }) => {
    if (hostname === undefined) return { domain };
    const relay = formatRelay({
      transport: "tcp",
      scheme: "smtp",
      hostname,
      port,
    });
    if (!relays.includes(relay)) relays.push(relay);
    const number = relays.indexOf(relay) + 1;
    return { domain, hostname: number === 1 ? RELAY : `relay${number}.test` };
  });
}

/** The settings that all sessions under `config` have in common. */
export function commonSettings(config: Config): RecordedSetting[] {
  const defaults = defaultConfig({ hostname: config.server.hostname });
  const keys = SECTIONS.flatMap((section) => keysOf(section))
    .filter(([, row]) => !row.notYet)
    .map(([key]) => key);
  const changed = ["server.greeting", ...keys]
    .map((key) => ({ key, text: formatKey(config, key) }))
    .filter(({ key, text }) => text !== formatKey(defaults, key));
  // Even a name that is a variable: `Received:` is folded where it is too long.
  const hostname = {
    key: "server.hostname",
    text: quote(config.server.hostname),
  };
  return [hostname, ...changed, ...relaySettingsOf(config)];
}

function relaySettingsOf({ relay }: Config): RecordedSetting[] {
  const { url, tls } = relay;
  if (url === undefined && tls === undefined) return [];
  const hasUser = url?.transport === "tcp" && url.user !== undefined;
  const effective = tls ?? (hasUser ? "verified" : "opportunistic");
  const settings = [{ key: "relay.tls", text: quote(effective) }];
  if (!hasUser) return settings;
  // On this machine credentials may go out in clear: open.ts.
  const isHere = url.hostname === "localhost" || LOOPBACK.test(url.hostname);
  const relayHost = isHere ? "127.0.0.1" : RELAY;
  const text = quote(`plain://user:secret@${relayHost}:25`);
  return [{ key: "relay.url", text }, ...settings];
}

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
  hasImplicitTls,
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

/** Any place: a transcript has one listener. */
const LISTEN = "127.0.0.1:25";

/** Where TLS comes first, whatever the scheme. RFC 8314 section 7.3. */
const SUBMISSIONS_PORT = 465;

/** Sections that bear on any session. */
const SECTIONS = ["limits", "flags"];

/** Keys that do, of sections that have others. */
const KEYS = ["server.greeting", "auth.failures"];

/** Mechanisms that need a hook. */
const TOKEN_MECHANISMS = ["XOAUTH2", "OAUTHBEARER"];

/** What a client is to the server when its session begins. */
export interface RecordedClient {
  /** Its bare address; empty on a Unix socket. */
  readonly address: string;
  /** Whether it may send anywhere. */
  readonly isLocal: boolean;
  /** When its session begins, in ms since the epoch. */
  readonly began: number;
  /** Whether it may use XCLIENT and XFORWARD. */
  readonly isProxy?: boolean;
  /** Where it came in. */
  readonly listener?: {
    /** Its address: what matters is whether TLS or LMTP is spoken there. */
    readonly address: { readonly scheme?: "smtps" | "lmtp" };
    /** Whether clients may log in, or have to. */
    readonly auth: "off" | "optional" | "required";
    /** Whether clients may begin TLS, or have to. */
    readonly tls: "off" | "optional" | "required";
  };
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
  settings.push(...listenerSettings(client, address));
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

/**
 * What holds where the client came in, without the place itself. A PROXY header
 * is behind it when its recording begins.
 */
function listenerSettings(
  { listener, isProxy = false }: RecordedClient,
  client: string,
): RecordedSetting[] {
  if (listener === undefined) return [];
  const { address: { scheme }, auth, tls } = listener;
  const settings: RecordedSetting[] = [];
  const add = (name: string, text: string) =>
    settings.push({ key: `listener.${name}`, text });
  if (scheme !== undefined) add("url", quote(`${scheme}://${LISTEN}`));
  if (auth !== "optional") add("auth", quote(auth));
  if (tls !== "optional") add("tls", quote(tls));
  if (isProxy) add("xclient", `[${quote(client)}]`);
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

/**
 * The settings that all sessions under `config` have in common.
 *
 * @param config The configuration.
 * @param mechanisms Those by which somebody can log in.
 */
export function commonSettings(
  config: Config,
  mechanisms: readonly string[],
): RecordedSetting[] {
  const defaults = defaultConfig({ hostname: config.server.hostname });
  const keys = SECTIONS.flatMap((section) => keysOf(section))
    .filter(([, row]) => !row.notYet)
    .map(([key]) => key);
  const changed = [...KEYS, ...keys]
    .map((key) => ({ key, text: formatKey(config, key) }))
    .filter(({ key, text }) => text !== formatKey(defaults, key));
  // Even a name that is a variable: `Received:` is folded where it is too long.
  const hostname = {
    key: "server.hostname",
    text: quote(config.server.hostname),
  };
  return [
    ...[hostname, ...changed, ...accessSettings(config, mechanisms)],
    ...relaySettingsOf(config),
  ];
}

/** Whether there is TLS, and who may log in, without any file's name. */
function accessSettings(
  { tls, auth, hooks }: Config,
  mechanisms: readonly string[],
): RecordedSetting[] {
  const settings: RecordedSetting[] = [];
  const add = (key: string, text: string) => settings.push({ key, text });
  if (tls.certificate !== "") add("tls.certificate", quote("mx.pem"));
  const canLogIn = mechanisms.length > 0;
  const hasUsers = canLogIn && auth.users_file !== "";
  // A program may give hooks that no configuration names.
  const hasHooks = hooks.module !== "" || (canLogIn && !hasUsers) ||
    mechanisms.some((mechanism) => TOKEN_MECHANISMS.includes(mechanism));
  if (canLogIn) {
    add("auth.mechanisms", `[${mechanisms.map(quote).join(", ")}]`);
  }
  if (hasUsers) add("auth.users_file", quote("users"));
  if (hasHooks) add("hooks.module", quote("hooks.ts"));
  return settings;
}

function relaySettingsOf({ relay }: Config): RecordedSetting[] {
  const { url, tls } = relay;
  if (url === undefined && tls === undefined) return [];
  const user = url?.transport === "tcp" ? url.user : undefined;
  const hasUser = user !== undefined;
  const effective = tls ?? (hasUser ? "verified" : "opportunistic");
  const settings = [{ key: "relay.tls", text: quote(effective) }];
  const isUsual = url === undefined || url.scheme === "smtp" ||
    url.scheme === "unix";
  if (isUsual && !hasUser) return settings;
  // On this machine credentials may go out in clear: login.ts.
  const isHere = url?.transport === "tcp" &&
    (url.hostname === "localhost" || LOOPBACK.test(url.hostname));
  const relayHost = isHere ? "127.0.0.1" : RELAY;
  const credentials = hasUser ? "user:secret@" : "";
  const port = hasImplicitTls(url!) ? SUBMISSIONS_PORT : SMTP_PORT;
  const place = `${credentials}${relayHost}:${port}`;
  const text = quote(`${url!.scheme}://${place}`);
  return [{ key: "relay.url", text }, ...settings];
}

/**
 * The places where the server listens, and what holds at each of them.
 *
 * @module
 */

import { formatListenAddress, type ListenAddress } from "./address.ts";
import type { Config } from "./config/config.ts";
import type { Log } from "./log/log.ts";
import { readNetworks } from "./networks.ts";
import type { Networks } from "./policy/networks.ts";

/** One place where the server listens. */
export interface Listener {
  /** Where. */
  readonly address: ListenAddress;
  /** Whether clients may log in, or have to. */
  readonly auth: "off" | "optional" | "required";
  /** Whether clients may begin TLS, or have to. */
  readonly tls: "off" | "optional" | "required";
  /** The peers that send a PROXY header; nothing where nobody does. */
  readonly proxies?: Networks;
  /** The peers that may use XCLIENT and XFORWARD; nothing where nobody may. */
  readonly trusted?: Networks;
}

/**
 * The listeners of a configuration, by their address as it is written.
 *
 * @throws {TypeError} A network can't be read.
 */
export async function listenersOf(
  { server, listener }: Config,
  log: Log,
): Promise<ReadonlyMap<string, Listener>> {
  const listeners = new Map<string, Listener>();
  for (const address of server.listen) {
    const key = formatListenAddress(address);
    listeners.set(key, { address, auth: "optional", tls: "optional" });
  }
  for (const { url, auth, tls, proxy_protocol, xclient } of listener) {
    const proxies = await listed(proxy_protocol, "proxy_protocol", log);
    const trusted = await listed(xclient, "xclient", log);
    listeners.set(formatListenAddress(url), {
      address: url,
      auth: auth ?? "optional",
      tls: tls ?? "optional",
      ...(proxies === undefined ? {} : { proxies }),
      ...(trusted === undefined ? {} : { trusted }),
    });
  }
  return listeners;
}

async function listed(
  texts: readonly string[],
  key: string,
  log: Log,
): Promise<Networks | undefined> {
  return texts.length === 0
    ? undefined
    : await readNetworks(texts, `listener.${key}`, log);
}

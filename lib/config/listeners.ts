/**
 * What only makes sense together where the server listens: the short form
 * `server.listen`, the `[[listener]]`s, TLS and logins.
 *
 * @module
 */
import { formatListenAddress, type ListenAddress } from "../address.ts";
import type { Config, ListenerConfig } from "./config.ts";
import { isLoopback } from "./host.ts";
import type { Completion, Given } from "./problem.ts";
import { quote } from "./value.ts";

/** The indexes of the tables of a section that were given, in their order. */
export function indexesOf(
  section: string,
  given: ReadonlyMap<string, Given>,
): number[] {
  const indexes = new Set<number>();
  for (const key of given.keys()) {
    const [, name, index] = /^(\w+)\[(\d+)\]\./.exec(key) ?? [];
    if (name === section) indexes.add(Number(index));
  }
  return [...indexes];
}

/** A place where the server listens, and where that was said. */
interface Listening {
  readonly url: ListenAddress;
  readonly key: string;
  readonly index?: number;
}

/** Reports what is wrong with where the server listens, and what is to happen there. */
export function checkListeners(
  config: Omit<Config, "relay">,
  completion: Completion,
): void {
  const { given, values, report } = completion;
  const add = ({ key, index }: Omit<Listening, "url">, problem: string) =>
    report.addValue(key, given.get(key), problem, index);
  const indexes = indexesOf("listener", given);
  const listeners = indexes
    .map((index, i) => [`listener[${index}]`, config.listener[i]!] as const)
    // An address that is wrong has been reported.
    .filter(([path]) => values.get(`${path}.url`) !== undefined);
  const all: Listening[] = [
    ...config.server.listen
      .map((url, index) => ({ url, key: "server.listen", index }))
      .filter(({ url }) => url !== undefined),
    ...listeners.map(([path, { url }]) => ({ url, key: `${path}.url` })),
  ];
  if (config.server.listen.length === 0 && indexes.length === 0) {
    add(
      { key: "server.listen" },
      "Cannot listen nowhere: expected an address here, or a [[listener]]",
    );
  }
  const hasTls = config.tls.certificate !== "";
  const seen = new Set<string>();
  for (const listening of all) {
    const { url } = listening;
    const { scheme, ...address } = url;
    // With port 0 each gets a port of its own, but they are told apart as they are written.
    const isChosen = url.transport === "tcp" && url.port === 0;
    const place = formatListenAddress(isChosen ? url : address);
    if (seen.has(place)) {
      add(
        listening,
        `Cannot listen on ${quote(place)} twice: expected it once`,
      );
    }
    seen.add(place);
    if (scheme === "smtps" && !hasTls) {
      add(
        listening,
        'Cannot use "smtps" without a certificate: expected tls.certificate too',
      );
    }
  }
  for (const [path, listener] of listeners) {
    checkListener(path, listener, config, completion);
  }
}

function checkListener(
  path: string,
  { url, auth, tls }: ListenerConfig,
  config: Omit<Config, "relay">,
  { given, report, hasHooks }: Completion,
): void {
  const hasTls = config.tls.certificate !== "";
  const [tlsKey, authKey] = [`${path}.tls`, `${path}.auth`];
  if (tls !== undefined && tls !== "off" && !hasTls) {
    report.addValue(
      tlsKey,
      given.get(tlsKey),
      `Cannot use ${
        quote(tls)
      } without a certificate: expected tls.certificate too`,
    );
  }
  if (tls === "off" && url.scheme === "smtps") {
    report.addValue(
      tlsKey,
      given.get(tlsKey),
      'Cannot use "off" with "smtps", which has TLS from the start: expected "required"',
    );
  }
  if (auth === undefined || auth === "off") return;
  const { auth: { users_file }, hooks: { module } } = config;
  if (users_file === "" && module === "" && !hasHooks) {
    report.addValue(
      authKey,
      given.get(authKey),
      "Cannot check logins: expected auth.users_file or hooks.module too",
    );
  }
  const isLocal = url.transport === "unix" || isLoopback(url.hostname);
  if (!isLocal && url.scheme !== "smtps" && (tls === "off" || !hasTls)) {
    report.warn(
      authKey,
      given.get(authKey),
      `Clients that are not local cannot log in without TLS: expected ${
        hasTls
          ? `${quote("optional")} or ${quote("required")} for tls`
          : "tls.certificate"
      }`,
    );
  }
}

/** Reports what is wrong with who may log in. */
export function checkLogins(
  { auth, hooks }: Pick<Config, "auth" | "hooks">,
  { given, report, hasHooks }: Completion,
): void {
  if (hooks.module !== "" || hasHooks) return;
  auth.mechanisms.forEach((mechanism, i) => {
    if (mechanism !== "XOAUTH2" && mechanism !== "OAUTHBEARER") return;
    report.addValue(
      "auth.mechanisms",
      given.get("auth.mechanisms"),
      `Cannot check the tokens of ${mechanism}: expected hooks.module too`,
      i,
    );
  });
}

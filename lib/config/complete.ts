/**
 * Makes the whole configuration out of the values that were given: defaults, those that depend on something else, and what only
 * makes sense together. The relay's password and the files it needs are in relay_files.ts.
 *
 * @module
 */
import type { RelayEntry } from "../policy/relay_table.ts";
import { isDomain } from "./host.ts";
import type { Config } from "./config.ts";
import type { Completion } from "./problem.ts";
import { defaultValue } from "./read_key.ts";
import { checkAuthorities, type Files, withPassword } from "./relay_files.ts";
import { SCHEMA } from "./schema.ts";

/**
 * Completes a configuration.
 *
 * @param completion What was given, and where problems go.
 * @param hostname This machine's host name.
 * @param files How to read the files that it names.
 * @returns The configuration; worth nothing when a problem was reported.
 */
export function completeConfig(
  completion: Completion,
  hostname: string,
  files: Files,
): Config {
  const { server, relay, delivery, ...rest } = withDefaults(completion.values);
  const ownHostname = server.hostname ?? machineHostname(hostname);
  checkAuthorities(relay.ca_file, completion, files);
  return {
    ...rest,
    server: { ...server, hostname: ownHostname },
    relay: {
      ...relay,
      url: withPassword(relay.url, relay.password_file, completion, files),
      domains: relay.domains ?? defaultDomains(ownHostname),
    },
    delivery: { ...delivery, maildir: chooseMaildir(delivery, completion) },
  };
}

/** A {@linkcode Config} in which computed defaults are still missing. */
type Draft = Omit<Config, "server" | "relay"> & {
  readonly server: Omit<Config["server"], "hostname"> & {
    readonly hostname?: string;
  };
  readonly relay:
    & Omit<Config["relay"], "domains">
    & Partial<Pick<Config["relay"], "domains">>;
};

function withDefaults(values: ReadonlyMap<string, unknown>): Draft {
  const draft: Record<string, unknown> = {};
  for (const [key, row] of SCHEMA) {
    if (!row.notYet) {
      put(draft, key.split("."), values.get(key) ?? defaultValue(row));
    }
  }
  // Config is printed from the same table, so its shape is this one.
  return draft as unknown as Draft;
}

/** Sets a value in nested objects, making those that are missing. */
function put(
  table: Record<string, unknown>,
  [name = "", ...rest]: string[],
  value: unknown,
): void {
  if (rest.length === 0) table[name] = value;
  else put((table[name] ??= {}) as Record<string, unknown>, rest, value);
}

/** A machine may be called what no domain is; the greeting needs one all the same. */
function machineHostname(name: string): string {
  return isDomain(name) && /^[!-~]+$/.test(name) ? name : "localhost";
}

/** `localhost`, the host's own name, and its parents as long as they have two labels. */
function defaultDomains(hostname: string): RelayEntry[] {
  const domains = new Set(["localhost"]);
  if (isDomain(hostname)) {
    const labels = hostname.toLowerCase().split(".");
    domains.add(labels.join("."));
    for (let i = 1; i <= labels.length - 2; i++) {
      domains.add(labels.slice(i).join("."));
    }
  }
  return [...domains].map((domain) => ({ domain }));
}

/** An mbox file takes the place of the default Maildir, but not of one that was asked for. */
function chooseMaildir(
  delivery: Config["delivery"],
  { given, report }: Completion,
): string {
  const asked = given.get("delivery.maildir");
  if (delivery.mbox === "") {
    if (delivery.maildir === "") {
      report.addValue(
        "delivery.maildir",
        asked,
        'Cannot use "" as a Maildir: expected a directory, or delivery.mbox',
      );
    }
    return delivery.maildir;
  }
  if (asked !== undefined && delivery.maildir !== "") {
    report.addValue(
      "delivery.mbox",
      given.get("delivery.mbox"),
      "Cannot use an mbox file and a Maildir: expected one of them",
    );
  }
  return "";
}

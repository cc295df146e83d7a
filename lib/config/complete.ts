/**
 * Makes the whole configuration out of the values that were given: defaults, those that depend on something else, and what only
 * makes sense together. The relay's password is in relay_secret.ts, where to listen in listeners.ts, certificates in tls_files.ts.
 *
 * @module
 */
import type { RelayEntry } from "../policy/relay_table.ts";
import { isDomain } from "./host.ts";
import type { Config } from "./config.ts";
import type { Completion } from "./problem.ts";
import { defaultValue } from "./read_key.ts";
import { type Files, NamedFiles } from "./files.ts";
import { checkListeners, checkLogins, indexesOf } from "./listeners.ts";
import { completeRelay } from "./relay_secret.ts";
import { checkTls } from "./tls_files.ts";
import { keysOf, SECTIONS, TABLES } from "./schema.ts";

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
  const draft = withDefaults(completion);
  const { server, relay, delivery, auth, hooks, ...rest } = draft;
  const ownHostname = server.hostname ?? machineHostname(hostname);
  const named = new NamedFiles(completion, files);
  const config: Config = {
    ...rest,
    auth,
    hooks,
    server: {
      ...server,
      hostname: ownHostname,
      listen: chooseListen(draft, completion),
    },
    relay: {
      ...completeRelay(relay, completion, named),
      domains: relay.domains ?? defaultDomains(ownHostname),
    },
    delivery: { ...delivery, maildir: chooseMaildir(delivery, completion) },
  };
  named.certificates("relay.ca_file", relay.ca_file);
  checkTls(config.tls, completion, named);
  checkListeners(config, completion);
  checkLogins(config, completion);
  named.read("auth.users_file", auth.users_file);
  named.read("hooks.module", hooks.module);
  return config;
}

/** The default counts only where nothing else was asked for. */
function chooseListen(
  { server, listener }: Draft,
  { given }: Completion,
): Config["server"]["listen"] {
  const isAsked = given.has("server.listen");
  return isAsked || listener.length === 0 ? server.listen : [];
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

function withDefaults({ given, values }: Completion): Draft {
  const draft: Record<string, unknown> = {};
  for (const section of SECTIONS.keys()) {
    if (TABLES.has(section)) {
      draft[section] = indexesOf(section, given)
        .map((i) => sectionValues(section, `${section}[${i}]`, values));
      continue;
    }
    const table = sectionValues(section, section, values);
    if (Object.keys(table).length > 0) put(draft, section.split("."), table);
  }
  // Config is printed from the same table, so its shape is this one.
  return draft as unknown as Draft;
}

/** The values of a section, or of the one of its tables whose full name is `path`. */
function sectionValues(
  section: string,
  path: string,
  values: ReadonlyMap<string, unknown>,
): object {
  return Object.fromEntries(
    keysOf(section).filter(([, row]) => !row.notYet).map(([key, row]) => {
      const name = key.slice(section.length + 1);
      return [name, values.get(`${path}.${name}`) ?? defaultValue(row)];
    }),
  );
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

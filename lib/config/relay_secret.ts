/**
 * Where the password or token for the relay comes from: the URL, a file, a
 * command, or a token URL; exactly one of them, and only for a user.
 *
 * A password from a file is read here. A command is not run and no token is
 * fetched: that is the relay's, when it needs one.
 *
 * @module
 */
import { hasImplicitTls, mechanismOf, type RelayAddress } from "./address.ts";
import type { Config } from "./config.ts";
import type { NamedFiles } from "./files.ts";
import { isLoopback } from "./host.ts";
import type { Completion } from "./problem.ts";
import { Secret } from "../secret.ts";
import { quote } from "./value.ts";

/** The keys that say where the secret comes from, in words. */
const SOURCES = {
  password_file: "a password file",
  password_command: "a password command",
  oauth_token_url: "a token URL",
} as const;

type Source = keyof typeof SOURCES;

/** The keys that go with `oauth_token_url`. */
const OAUTH_KEYS = [
  ...["oauth_client_id", "oauth_client_secret_file"] as const,
  ...["oauth_refresh_token_file", "oauth_scope"] as const,
];

/** The other keys are of no use to such a relay: a configuration has only what it uses. */
const NO_SOURCES: Record<Source | typeof OAUTH_KEYS[number], string> = {
  password_file: "",
  password_command: "",
  oauth_token_url: "",
  oauth_client_id: "",
  oauth_client_secret_file: "",
  oauth_refresh_token_file: "",
  oauth_scope: "",
};

/** A password in the URL as written, once the references to the environment are taken out. */
const LITERAL_PASSWORD = /^[a-z0-9+.-]+:\/\/[^:]*:.+@/i;

/** What of the configuration is looked at. */
type Relay = Omit<Config["relay"], "domains">;

/**
 * Checks where the relay's secret comes from.
 *
 * @param relay The relay's section.
 * @param completion What was given, and where problems go.
 * @param files The files that it names.
 * @returns The section; a password from a file is in its `url`.
 */
export function completeRelay<R extends Relay>(
  relay: R,
  completion: Completion,
  files: NamedFiles,
): R {
  const { given, report } = completion;
  const { url } = relay;
  const asked = given.get("relay.url");
  const add = (name: Source, problem: string) =>
    report.addValue(`relay.${name}`, given.get(`relay.${name}`), problem);
  warnOfLiteral(completion, files);
  checkTlsOff(relay, completion);
  const sources = (Object.keys(SOURCES) as Source[])
    .filter((name) => relay[name] !== "" || isWrong(name, completion));
  if (!needsSecret(url)) {
    // A relay from the command line need not fit the file's password.
    if (asked?.isOption) return { ...relay, ...NO_SOURCES };
    if (isWrong("url", completion)) return relay;
    for (const name of sources) {
      const wish =
        'a relay.url with a user and no password, as "smtp://USER@HOST"';
      add(name, `Cannot use ${SOURCES[name]} here: expected ${wish}`);
    }
    checkOauth(relay, completion, files);
    return relay;
  }
  const [first, ...others] = sources;
  if (first === undefined) {
    report.addValue(
      "relay.url",
      asked,
      "Cannot find the user's password: expected it in the URL, or relay.password_file, relay.password_command or relay.oauth_token_url",
    );
  } else {
    for (const name of others) {
      const both = `${SOURCES[name]} beside ${SOURCES[first]}`;
      add(name, `Cannot use ${both}: expected one of them`);
    }
  }
  checkOauth(relay, completion, files);
  const text = files.secret("relay.password_file", relay.password_file);
  return text === undefined
    ? relay
    : { ...relay, url: { ...url, password: new Secret(text) } };
}

/** Whether a value was given that can't be used, which has been reported. */
function isWrong(name: Source | "url", completion: Completion): boolean {
  const { given, values } = completion;
  const key = `relay.${name}`;
  return given.has(key) && values.get(key) === undefined;
}

function checkTlsOff({ tls, url }: Relay, completion: Completion): void {
  if (tls !== "off" || url === undefined) return;
  const { given, report } = completion;
  const key = "relay.tls";
  if (hasImplicitTls(url)) {
    report.addValue(
      key,
      given.get(key),
      'Cannot use "off" with a relay that has TLS from the start: expected "required" or "verified"',
    );
  } else if (
    url.transport === "tcp" && url.user !== undefined &&
    !isLoopback(url.hostname)
  ) {
    report.warn(
      key,
      given.get(key),
      'Credentials are sent without TLS to this machine alone: expected "required" or "verified"',
    );
  }
}

function needsSecret(
  url: RelayAddress | undefined,
): url is RelayAddress & { transport: "tcp" } {
  return url?.transport === "tcp" && url.user !== undefined &&
    url.password === undefined;
}

function warnOfLiteral({ given }: Completion, files: NamedFiles): void {
  const asked = given.get("relay.url");
  if (asked === undefined || asked.isOption) return;
  const written = String(asked.value).replaceAll(/\$\{env:\w+\}/g, "");
  if (LITERAL_PASSWORD.test(written)) files.checkOwnReaders("relay.url");
}

/** What belongs to a token URL is there with one, and only with one. */
function checkOauth(
  relay: Relay,
  completion: Completion,
  files: NamedFiles,
): void {
  const { given, report } = completion;
  const add = (name: string, problem: string) =>
    report.addValue(`relay.${name}`, given.get(`relay.${name}`), problem);
  if (isWrong("oauth_token_url", completion)) return;
  if (relay.oauth_token_url === "") {
    for (const name of OAUTH_KEYS.filter((name) => relay[name] !== "")) {
      add(name, "Cannot use this alone: expected relay.oauth_token_url too");
    }
    return;
  }
  const mechanism = relay.url && mechanismOf(relay.url);
  if (
    mechanism !== undefined && mechanism !== "xoauth2" &&
    mechanism !== "oauthbearer"
  ) {
    const name = quote(`${mechanism}://`);
    const wish =
      '"xoauth2://", "oauthbearer://", "smtp://" or "smtps://" in relay.url';
    add(
      "oauth_token_url",
      `Cannot use a token as a password with ${name}: expected ${wish}`,
    );
  }
  const {
    oauth_client_secret_file: secretFile,
    oauth_refresh_token_file: tokenFile,
  } = relay;
  if (relay.oauth_client_id === "") {
    const wish = "relay.oauth_client_id";
    add("oauth_token_url", `Cannot ask for a token: expected ${wish}`);
  }
  if (secretFile === "" && tokenFile === "") {
    const wish =
      "relay.oauth_client_secret_file, relay.oauth_refresh_token_file or both";
    add("oauth_token_url", `Cannot ask for a token: expected ${wish}`);
  }
  files.secret("relay.oauth_client_secret_file", secretFile);
  files.secret("relay.oauth_refresh_token_file", tokenFile);
}

/**
 * What Postern is set up with for a conversation in memory: the file's
 * settings, and names and times where it has none.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { checkConfig } from "../config/load.ts";
import { formatProblem as formatConfigProblem } from "../config/problem.ts";
import type { Transcript } from "../transcript/steps.ts";

/** Postern's name in conversations that don't say another. */
const HOSTNAME = "mx.postern.test";

/** The session's id, which `${id}` stands for. */
export const KNOWN: Readonly<Record<string, string>> = {
  host: HOSTNAME,
  id: "00000000",
};

/** When conversations begin that don't say so: 2026-01-01, noon. */
export const CLOCK_MS: number = Date.UTC(2026, 0, 1, 12);

/** Where the one listener is that `@listener.…` settings are of. */
const LISTEN = "127.0.0.1:25";

/** What certificates and keys are in, by its name. */
const PEM_FILE = /\.(?:pem|crt|key)$/;

/** What stands in for such a file: no file is read, and TLS is the stage's. */
const PEM =
  "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";

/**
 * The configuration that a transcript's settings make of the defaults.
 *
 * @throws {TypeError} They are none.
 */
export function configOf(transcript: Transcript): Config {
  const input: Record<string, Record<string, unknown>> = {
    server: { hostname: HOSTNAME },
  };
  const listener: Record<string, unknown> = {};
  const hasRelay = transcript.steps.some((step) =>
    "wire" in step && step.wire === "relay"
  );
  if (hasRelay) input["relay"] = { url: "relay.test:25", tls: "off" };
  for (const [key, value] of transcript.config) {
    const [section = "", name = ""] = key.split(".");
    if (section === "listener") listener[name] = value;
    else input[section] = { ...input[section], [name]: value };
  }
  const hasListener = Object.keys(listener).length > 0;
  const raw = hasListener
    ? { ...input, listener: [{ url: LISTEN, ...listener }] }
    : input;
  const { config, problems } = checkConfig(raw, {
    hostname: HOSTNAME,
    env: () => undefined,
    readTextFile: (path) => PEM_FILE.test(path) ? PEM : "secret",
  });
  if (config !== undefined) return config;
  throw new TypeError(
    problems.map((problem) =>
      formatConfigProblem({ ...problem, ...placeOf(transcript, problem.key) })
    ).join("\n"),
  );
}

/** Where the setting of that key stands; the last one counts. */
function placeOf(
  { file, settings }: Transcript,
  path: string,
): { file: string; line: number; column: number } {
  const key = path.replace("listener[0]", "listener");
  const setting = settings.findLast((setting) =>
    setting.key === key || setting.key.startsWith(`${key}.`)
  );
  return { file, line: setting?.line ?? 0, column: 2 };
}

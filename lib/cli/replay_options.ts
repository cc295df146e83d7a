/**
 * How `postern replay` is to play, from its options; which of them exclude each
 * other.
 *
 * @module
 */

import { parseListenAddress } from "../config/address.ts";
import { VALUE_TYPES } from "../config/value.ts";
import type { ListeningOptions, ListeningServer } from "../live/listening.ts";
import { ALL_SPLITS, Player, type ReplayOptions } from "../suite/replay.ts";
import { readSecrets } from "../replay/secrets.ts";
import { parseSplit, type Split } from "../replay/splits.ts";
import { shellQuote } from "../suite/paths.ts";
import type { TrialOptions } from "../suite/trial.ts";
import { type Options, UsageError } from "./usage.ts";

/** Most mutations of one file: some minutes' work. */
const MAX_MUTATIONS = 1_000_000;

/** Largest seed: nine digits, as in a split. */
const MAX_SEED = 999_999_999;

/** How long a client may take to call, in ms: a person starts it by hand. */
const CALL_TIMEOUT_MS = 60_000;

/** Longest wait for a line of the other end's, in ms: what RFC 5321 section 4.5.3.2 asks for at most. */
const MAX_TIMEOUT_MS = 10 * 60 * 1_000;

/**
 * Reads where clients are listened for.
 *
 * @param options The command's options.
 * @returns `undefined` where they are not.
 * @throws {UsageError} It is no address, or not the server's part is played.
 */
export function listeningOptions(
  options: Options,
): ListeningOptions | undefined {
  const text = options.value("listen");
  if (text === undefined) return undefined;
  if (asOf(options) !== "relay") {
    throw new UsageError(
      "Option --listen is for the server's part: expected --as relay",
    );
  }
  const listen = parseListenAddress(text);
  if (!listen.ok) {
    throw new UsageError(`Cannot use --listen: expected ${listen.expected}`);
  }
  if (listen.value.scheme !== undefined) {
    throw new UsageError("Cannot use --listen: expected SMTP in clear");
  }
  const timeoutMs = timeoutOf(options.value("timeout")) ?? CALL_TIMEOUT_MS;
  return { listen: listen.value, timeoutMs };
}

/**
 * Reads how files are tried.
 *
 * @param options The command's options.
 * @param listening Where it listens for clients, if it does.
 * @throws {UsageError} One is wrong, or two exclude each other.
 */
export function trialOptions(
  options: Options,
  listening?: ListeningServer,
): TrialOptions {
  const as = asOf(options);
  const server = options.value("server");
  const listen = options.value("listen");
  const timeout = options.value("timeout");
  const splits = splitsOf(options.value("split"));
  const secrets = readSecrets(Deno.env.toObject());
  const timeoutMs = timeoutOf(timeout);
  const player = playerOf({
    as,
    server,
    listening,
    splits,
    secrets,
    timeoutMs,
  });
  const command = [
    "postern replay",
    ...(as === "relay" ? ["--as relay"] : []),
    ...(server === undefined ? [] : [`--server ${shellQuote(server)}`]),
    ...(listen === undefined ? [] : [`--listen ${shellQuote(listen)}`]),
    ...(timeout === undefined ? [] : [`--timeout ${shellQuote(timeout)}`]),
  ].join(" ");
  const count = numberOf(options, "mutate", 1, MAX_MUTATIONS);
  const seed = numberOf(options, "seed", 0, MAX_SEED);
  const isUpdate = options.has("update");
  if (count === undefined && seed !== undefined) {
    throw new UsageError("Option --seed is for mutations: expected --mutate N");
  }
  if (count !== undefined && (server !== undefined || as === "relay")) {
    throw new UsageError(
      "Mutations are played against Postern in memory: expected no --server and no --as relay",
    );
  }
  if (count !== undefined && splits !== undefined) {
    throw new UsageError(
      "Mutations are not cut: expected no --split with --mutate",
    );
  }
  const isUpdatable = count === undefined && as === "client" &&
    (splits === undefined || splits.join() === "whole");
  if (isUpdate && !isUpdatable) {
    throw new UsageError(
      "Files are updated by what a server says to them as they are: expected no --as relay, --mutate or --split",
    );
  }
  return {
    player,
    command,
    ...(count !== undefined && { mutations: { count, seed: seed ?? 1 } }),
    ...(isUpdate && { update: { secrets } }),
  };
}

function asOf(options: Options): "client" | "relay" {
  const choices = { client: "client", relay: "relay" } as const;
  return choiceOf(options, "as", choices, "client");
}

function playerOf(options: ReplayOptions): Player {
  try {
    return new Player(options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message);
  }
}

/**
 * What an option chooses by name.
 *
 * @param options The command's options.
 * @param name The option.
 * @param choices What there is.
 * @param other The choice where the option is not given.
 * @throws {UsageError} There is no such choice.
 */
export function choiceOf<T>(
  options: Options,
  name: string,
  choices: Readonly<Record<string, T>>,
  other: string,
): T {
  const value = options.value(name) ?? other;
  if (Object.hasOwn(choices, value)) return choices[value]!;
  throw new UsageError(
    `Cannot use "${value}" for --${name}: expected one of ${
      Object.keys(choices).join(", ")
    }`,
  );
}

function splitsOf(text: string | undefined): readonly Split[] | undefined {
  if (text === undefined) return undefined;
  if (text === "all") return ALL_SPLITS;
  const split = parseSplit(text);
  if (split.ok) return [split.value];
  throw new UsageError(
    `Cannot use "${text}" for --split: expected all, ${split.expected}`,
  );
}

function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = VALUE_TYPES.duration.parse(text, {} as never);
  if (parsed.ok) {
    const ms = parsed.value as number;
    if (ms >= 1 && ms <= MAX_TIMEOUT_MS) return ms;
  }
  throw new UsageError(
    `Cannot use "${text}" for --timeout: expected up to 10m, such as "10s"`,
  );
}

function numberOf(
  options: Options,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = options.value(name);
  if (text === undefined) return undefined;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(
    `Cannot use "${text}" for --${name}: expected a number from ${min} to ${max}`,
  );
}

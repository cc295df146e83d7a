/**
 * What stands for `${secret:NAME}` in what is sent: computed anew in an AUTH
 * exchange, as it was given everywhere else.
 *
 * The rule: a pair is one value, `USER:PASSWORD` or `USER:TOKEN`, cut at its
 * first colon. In an exchange its mechanism, the challenge and the place of the
 * answer decide what becomes of it. `${secret:NAME_password}` is a pair's
 * password alone, `${secret:NAME_user}` its user in base64, unless they were
 * given themselves.
 *
 * Not here: SCRAM, whose answers depend on each other; a file with one can't be
 * played with other credentials.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { isSaid, type SaidStep, type Step } from "../transcript/steps.ts";
import type { Template, Variable } from "../transcript/template.ts";
import type { SecretSource } from "./secret_source.ts";

/** Where a variable stands in an exchange. */
interface Place {
  /** In capitals. */
  readonly mechanism: string;
  /** How many answers came before it; an initial response is one. */
  readonly index: number;
}

/** A value's two halves. */
interface Pair {
  readonly user: string;
  readonly password: string;
}

/** One answer, before base64; `undefined`: there was no challenge to it. */
type Answer = (
  pair: Pair,
  challenge: Uint8Array | undefined,
) => string | undefined;

/** The answers of each mechanism, in their order. */
const ANSWERS: Readonly<Record<string, readonly Answer[]>> = {
  // RFC 4616 section 2.
  PLAIN: [({ user, password }) => `\0${user}\0${password}`],
  LOGIN: [({ user }) => user, ({ password }) => password],
  // RFC 2195 section 2.
  "CRAM-MD5": [({ user, password }, challenge) =>
    challenge &&
    `${user} ${createHmac("md5", password).update(challenge).digest("hex")}`],
  // Google's; an error comes as a challenge, and is answered with nothing.
  XOAUTH2: [
    ({ user, password }) => `user=${user}\x01auth=Bearer ${password}\x01\x01`,
    () => "",
  ],
  // RFC 7628 sections 3.1 and 3.2.3.
  OAUTHBEARER: [
    ({ user, password }) =>
      `n,a=${saslName(user)},\x01auth=Bearer ${password}\x01\x01`,
    () => "\x01",
  ],
};

/** RFC 5801 section 4. */
function saslName(name: string): string {
  return name.replaceAll("=", "=3D").replaceAll(",", "=2C");
}

/** A command that begins an exchange: its mechanism, and what is behind it. */
const AUTH = /^AUTH[ \t]+([\w-]+)(?:[ \t]+([^]*))?$/i;

/** What a secret's variable is called in the environment, before its name. */
const ENVIRONMENT = /^POSTERN_SECRET_([A-Za-z]\w*)$/;

/**
 * Takes the secrets out of an environment: `POSTERN_SECRET_AUTH=joe:pw` is the
 * value of `auth`.
 *
 * @param env All its variables.
 * @returns The values by their names in small letters.
 */
export function readSecrets(
  env: Readonly<Record<string, string>>,
): Map<string, string> {
  const secrets = new Map<string, string>();
  for (const [key, value] of Object.entries(env)) {
    const name = ENVIRONMENT.exec(key)?.[1];
    if (name !== undefined) secrets.set(name.toLowerCase(), value);
  }
  return secrets;
}

/** The values of one play's secrets. */
export class Secrets implements SecretSource {
  readonly #values: ReadonlyMap<string, string>;
  /** By the variable itself: its name is the same in every answer. */
  readonly #places: ReadonlyMap<Variable, Place>;
  #challenge: Uint8Array | undefined;
  #problem: string | undefined;

  /**
   * Gets ready for one play.
   *
   * @param values What was given, by names in small letters.
   * @param steps The conversation that is played.
   */
  constructor(values: ReadonlyMap<string, string>, steps: readonly Step[]) {
    this.#values = values;
    this.#places = placesIn(steps);
  }

  /**
   * Why the last value that was asked for is none, where it isn't only missing:
   * the end of a sentence, without any secret.
   */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Remembers a challenge. RFC 4954 section 4. */
  hear(line: string): void {
    this.#challenge = undefined;
    if (!line.startsWith("334")) return;
    try {
      this.#challenge = decodeBase64(line.slice(4));
    } catch {
      // Some servers ask in plain words, which matter to nobody.
    }
  }

  /** What stands for a variable, here and now. */
  valueOf(variable: Variable): string | undefined {
    this.#problem = undefined;
    const name = variable.name.replace(/^secret:/, "").toLowerCase();
    const place = this.#places.get(variable);
    const value = this.#values.get(name);
    if (value !== undefined) {
      return place === undefined ? value : this.#answer(value, place);
    }
    const [, owner = "", part] = /^(\w+)_(user|password)$/.exec(name) ?? [];
    const pair = pairOf(this.#values.get(owner));
    if (pair === undefined) return undefined;
    if (part === "user") return encodeBase64(pair.user);
    return place === undefined ? pair.password : encodeBase64(pair.password);
  }

  #answer(value: string, { mechanism, index }: Place): string | undefined {
    const answers = ANSWERS[mechanism];
    const answer = answers?.[index];
    const pair = pairOf(value);
    if (answers === undefined) {
      this.#problem = `${mechanism} can't be computed anew`;
    } else if (answer === undefined) {
      this.#problem = `${mechanism} has no answer ${index + 1}`;
    } else if (pair === undefined) {
      this.#problem = `${mechanism} needs a value USER:PASSWORD`;
    } else {
      const text = answer(pair, this.#challenge);
      if (text !== undefined) return encodeBase64(text);
      this.#problem = `there was no challenge for ${mechanism}`;
    }
    return undefined;
  }
}

function pairOf(value: string | undefined): Pair | undefined {
  const colon = value?.indexOf(":") ?? -1;
  if (value === undefined || colon < 0) return undefined;
  return { user: value.slice(0, colon), password: value.slice(colon + 1) };
}

/** Where the client's secrets stand in their exchanges; the others have no place. */
function placesIn(steps: readonly Step[]): Map<Variable, Place> {
  const places = new Map<Variable, Place>();
  let mechanism: string | undefined;
  let index = 0;
  let isOpen = false;
  for (const step of steps) {
    if (!isSaid(step) || step.wire !== "client") continue;
    const text = textOf(step);
    if (step.from === "server") {
      // A pattern may be any reply: then its next line tells.
      if (/^[0-24-9]/.test(leadOf(text))) isOpen = false;
      continue;
    }
    const [, begun, rest = ""] = AUTH.exec(leadOf(text)) ?? [];
    if (begun !== undefined) {
      [mechanism, index, isOpen] = [begun.toUpperCase(), 0, true];
      if (rest === "" && text.length === 1) continue;
    } else if (!isOpen && !isSecretAlone(text)) mechanism = undefined;
    // What is one secret and nothing else is an answer even where AUTH was
    // refused: the client had not waited.
    if (mechanism === undefined) continue;
    for (const part of text) {
      if (typeof part !== "string") places.set(part, { mechanism, index });
    }
    index++;
  }
  return places;
}

/** What a step says in text, without its line end; nothing for a message. */
function textOf(step: SaidStep): Template {
  switch (step.kind) {
    case "line":
      return step.text;
    case "bytes":
      return step.octets
        .map((part) =>
          typeof part === "string" ? part.replace(/\r\n$/, "") : part
        )
        .filter((part) => part !== "");
    case "regex":
      return step.regex;
    default:
      return [];
  }
}

function leadOf([first]: Template): string {
  return typeof first === "string" ? first : "";
}

function isSecretAlone([first, ...rest]: Template): boolean {
  return typeof first === "object" && first.secret && rest.length === 0;
}

/**
 * What stands for `${secret:NAME}` in what is sent: computed anew in an AUTH
 * exchange, as it was given everywhere else.
 *
 * The rule: a pair is one value, `USER:PASSWORD` or `USER:TOKEN`, cut at its
 * first colon. In an exchange its mechanism, what the other end said and the
 * place of the line decide what becomes of it: a client's answer, or behind 334
 * what a server asks. `${secret:NAME_password}` is a pair's password alone,
 * `${secret:NAME_user}` its user in base64, unless they were given themselves.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import {
  isSaid,
  type SaidStep,
  type Step,
  type Wire,
} from "../transcript/steps.ts";
import type { Template, Variable } from "../transcript/template.ts";
import { ANSWERS, CHALLENGES, type Heard, type Pair } from "./auth_words.ts";
import type { Words } from "./auth_words.ts";
import type { SecretSource } from "./secret_source.ts";

/** Where a variable stands in an exchange. */
interface Place {
  /** In capitals. */
  readonly mechanism: string;
  /** Whether it is the server's. */
  readonly isChallenge: boolean;
  /** How many came before it; an initial response is an answer. */
  readonly index: number;
  /** The exchange, by its wire and number. */
  readonly exchange: string;
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
  /** What each exchange's ends say, as far as they were asked. */
  readonly #words = new Map<string, readonly Words[]>();
  #heard: Heard;
  #problem: string | undefined;
  #hasToReckon = false;

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

  /** Whether the value given last has Postern's client derive a key. */
  get hasToReckon(): boolean {
    return this.#hasToReckon;
  }

  /** Remembers a challenge, or a client's answer. RFC 4954 section 4. */
  hear(line: string): void {
    this.#heard = undefined;
    const [, , initial] = AUTH.exec(line) ?? [];
    const isChallenge = /^334[ -]/.test(line);
    try {
      this.#heard = decodeBase64(
        initial ?? (isChallenge ? line.slice(4) : line),
      );
    } catch {
      // Some servers ask in plain words, which matter to nobody.
    }
  }

  /** What stands for a variable, here and now. */
  valueOf(variable: Variable): string | undefined {
    this.#problem = undefined;
    this.#hasToReckon = false;
    const name = variable.name.replace(/^secret:/, "").toLowerCase();
    const place = this.#places.get(variable);
    const value = this.#values.get(name);
    if (value !== undefined) {
      return place === undefined ? value : this.#wordsOf(value, place);
    }
    const [, owner = "", part] = /^(\w+)_(user|password)$/.exec(name) ?? [];
    const pair = pairOf(this.#values.get(owner));
    if (pair === undefined) return undefined;
    if (part === "user") return encodeBase64(pair.user);
    return place === undefined ? pair.password : encodeBase64(pair.password);
  }

  #wordsOf(value: string, place: Place): string | undefined {
    const { mechanism, index, isChallenge, exchange } = place;
    const begin = (isChallenge ? CHALLENGES : ANSWERS)[mechanism];
    const key = `${isChallenge} ${exchange}`;
    const words = begin && this.#words.getOrInsertComputed(key, begin);
    const what = isChallenge ? "challenge" : "answer";
    const pair = pairOf(value);
    if (words === undefined) {
      this.#problem = `${mechanism} can't be computed anew`;
    } else if (words[index] === undefined) {
      this.#problem = `${mechanism} has no ${what} ${index + 1}`;
    } else if (pair === undefined) {
      this.#problem = `${mechanism} needs a value USER:PASSWORD`;
    } else {
      const text = words[index](pair, this.#heard);
      this.#hasToReckon = isChallenge && mechanism.startsWith("SCRAM-");
      if (text !== undefined) return encodeBase64(text);
      this.#problem = isChallenge
        ? `there was no answer for ${mechanism}`
        : `there was no challenge for ${mechanism}`;
    }
    return undefined;
  }
}

function pairOf(value: string | undefined): Pair | undefined {
  const colon = value?.indexOf(":") ?? -1;
  if (value === undefined || colon < 0) return undefined;
  return { user: value.slice(0, colon), password: value.slice(colon + 1) };
}

/** Where the secrets stand in their exchanges; the others have no place. */
function placesIn(steps: readonly Step[]): Map<Variable, Place> {
  const places = new Map<Variable, Place>();
  const said = steps.filter(isSaid);
  for (const wire of new Set(said.map(({ wire }) => wire))) {
    const reader = new PlaceReader(places, wire);
    for (const step of said) if (step.wire === wire) reader.take(step);
  }
  return places;
}

/** Reads one wire. */
class PlaceReader {
  readonly #places: Map<Variable, Place>;
  readonly #wire: Wire;
  #mechanism: string | undefined;
  #answers = 0;
  #challenges = 0;
  #exchange = 0;
  #isOpen = false;

  constructor(places: Map<Variable, Place>, wire: Wire) {
    this.#places = places;
    this.#wire = wire;
  }

  take(step: SaidStep): void {
    const text = textOf(step);
    if (step.from === "client") return this.#takeClient(text);
    if (this.#mechanism !== undefined && leadOf(text).startsWith("334")) {
      if (text.length > 1) this.#put(text, this.#challenges++, true);
    }
    // A pattern may be any reply: then the client's next line tells.
    if (/^[0-24-9]/.test(leadOf(text))) this.#isOpen = false;
  }

  #takeClient(text: Template): void {
    const [, begun, rest = ""] = AUTH.exec(leadOf(text)) ?? [];
    if (begun !== undefined) {
      this.#mechanism = begun.toUpperCase();
      this.#answers = this.#challenges = 0;
      this.#exchange++;
      this.#isOpen = true;
      if (rest === "" && text.length === 1) return;
    } else if (!this.#isOpen && !isSecretAlone(text)) {
      this.#mechanism = undefined;
    }
    // What is one secret and nothing else is an answer even where AUTH was
    // refused: the client had not waited.
    if (this.#mechanism === undefined) return;
    this.#put(text, this.#answers++, false);
  }

  #put(text: Template, index: number, isChallenge: boolean): void {
    const mechanism = this.#mechanism!;
    const exchange = `${this.#wire} ${this.#exchange}`;
    for (const part of text) {
      if (typeof part === "string") continue;
      this.#places.set(part, { mechanism, index, isChallenge, exchange });
    }
  }
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

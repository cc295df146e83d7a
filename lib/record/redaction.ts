/**
 * Takes secrets out of a conversation: what AUTH exchanges give away, and what
 * is known beforehand.
 *
 * The rule: an answer in an exchange becomes `${secret:auth}`, one name for one
 * pair of user and password. Wherever else a secret stands, as it is or in
 * another form, on any wire, it is taken out too. It becomes a variable where a
 * player can do with one: a claim, or the password as it is in the client's
 * words. All else is masked, with as many signs, so that what counts bytes stays
 * right and the file can be played without the secret.
 *
 * @module
 */

import { posternEnd } from "../transcript/steps.ts";
import {
  formatQuoted,
  MAX_VARIABLES,
  textOf,
  toOctets,
  type Variable,
} from "../transcript/template.ts";
import type { Conversation, Place, Stream } from "./conversation.ts";
import { credentialsOf } from "./credentials.ts";
import { type Exchange, exchangesOn, type Span } from "./exchange.ts";
import { Pairs } from "./pairs.ts";
import { saidIn } from "./said_in.ts";
import {
  MIN_SECRET_BYTES,
  type Secret,
  SecretSearch,
} from "./secret_search.ts";

/**
 * Most secrets in one session: each is looked for everywhere in all its forms. A
 * client that logs in has two to four; who guesses passwords needs no recording.
 */
const MAX_SECRETS = 64;

/** Signs to mask with: the first one that is in no form of a secret. */
const MASKS = ["*", "x", "-", "#", "_"];

/** Mechanisms whose challenges are always the same. */
const FIXED_CHALLENGES: ReadonlySet<string> = new Set(["PLAIN", "LOGIN"]);

/** A secret is still there: nothing must be written down. */
export class SecretLeftError extends Error {
  /** The class's name. */
  override name = "SecretLeftError";

  /** Says that there is one, and not which. */
  constructor() {
    super("Cannot write the transcript: expected no secret to be left in it");
  }
}

/** What is taken out: a variable's place, or what is masked. */
type Cut = Pick<Place, "start" | "end"> & Partial<Pick<Place, "variable">>;

/** The secrets of one recording. */
export class Redaction {
  readonly #pairs = new Pairs("auth");
  readonly #wrong = new Pairs("wrong");
  readonly #secrets = new Map<string, Secret>();
  /** Variables of secrets, where they stand as they are. */
  readonly #names = new Map<Secret, string>();
  readonly #search: SecretSearch;
  readonly #mask: string;
  /** Whether anything was taken out. */
  #hasFound = false;
  /** What exchanges have in each stream. */
  readonly #places: ReadonlyMap<Stream, readonly Cut[]>;

  /**
   * Learns the secrets of a conversation.
   *
   * @param conversation The session.
   * @param known Secrets that are known beforehand.
   * @throws {RangeError} There are too many secrets.
   */
  constructor(conversation: Conversation, known: readonly string[]) {
    this.#places = this.#readExchanges(conversation);
    for (const password of known.map(toOctets)) {
      const name = this.#pairs.nameOf({ user: undefined, password });
      this.#add(password, false, `${name}_password`);
    }
    this.#search = new SecretSearch(this.#secrets.values());
    const forms = [...this.#search.forms];
    this.#mask =
      MASKS.find((mask) => !forms.some((form) => form.includes(mask))) ??
        MASKS[0]!;
  }

  /**
   * Takes the secrets out; between its steps others may work.
   *
   * @param conversation The session; its streams are changed.
   */
  *redact({ streams }: Conversation): Generator<undefined, void> {
    for (const stream of streams) {
      yield* this.#redact(stream, this.#places.get(stream) ?? []);
    }
  }

  /** Masks all secrets in a text that has no variables. */
  mask(text: string): string {
    const octets = toOctets(text);
    const hits = this.#search.find(octets).filter((hit) => hit !== undefined);
    const cuts = merged([...hits]);
    if (cuts.length === 0) return text;
    this.#hasFound = true;
    return textOf(this.#masked(octets, cuts));
  }

  /**
   * Makes sure that a transcript holds no secret; between its steps others may
   * work.
   *
   * @param text The whole transcript.
   * @returns What whoever writes it must not find in the file: every form of
   * every secret, but for those that the notation itself has.
   * @throws {SecretLeftError} One is there.
   */
  *check(text: string): Generator<undefined, readonly string[]> {
    const forms = new Set<string>();
    for (const form of this.#search.forms) {
      const asText = textOf(form);
      if (toOctets(asText) === form) forms.add(asText);
      forms.add(formatQuoted([form]).slice(1, -1));
    }
    const left: string[] = [];
    for (const form of forms) {
      yield;
      if (text.includes(form)) left.push(form);
    }
    if (this.#hasFound || left.length > 0) {
      for (const said of saidIn(text)) {
        yield;
        for (const hit of this.#search.find(said ?? "")) {
          if (hit !== undefined) throw new SecretLeftError();
          yield;
        }
      }
    }
    // What is left all the same is the notation's own, such as "secret".
    for (const form of left) forms.delete(form);
    return [...forms];
  }

  /** Learns from all exchanges, and gives the places of their variables. */
  #readExchanges(conversation: Conversation): Map<Stream, Cut[]> {
    const places = new Map<Stream, Cut[]>();
    const add = ({ stream, start, end }: Span, variable: Variable) => {
      const all = places.get(stream) ?? [];
      places.set(stream, all);
      all.push(
        isCut(stream, start, end) ? { start, end } : {
          ...{ start, end, variable },
        },
      );
    };
    let challenges = 0;
    for (const wire of new Set(conversation.streams.map(({ wire }) => wire))) {
      for (const exchange of exchangesOn(conversation, wire)) {
        if (exchange.answers.length > 0) {
          // Whom a relay refuses is Postern, which has one pair.
          const isWrong = exchange.isRefused && wire === "client";
          const pairs = isWrong ? this.#wrong : this.#pairs;
          const variable = secret(this.#learn(exchange, pairs));
          for (const answer of exchange.answers) add(answer, variable);
          // Salt, rounds and signature: from them a password can be guessed.
          if (exchange.mechanism.startsWith("SCRAM-")) {
            for (const challenge of exchange.challenges) {
              add(challenge, variable);
            }
            continue;
          }
        }
        // What the relay asks is said again on replay, so it stays as it is.
        if (wire !== "client") continue;
        if (FIXED_CHALLENGES.has(exchange.mechanism)) continue;
        for (const challenge of exchange.challenges) {
          const number = ++challenges === 1 ? "" : challenges;
          add(challenge, { name: `challenge${number}`, secret: false });
        }
      }
    }
    return places;
  }

  /** Learns from one exchange; gives its pair's name. */
  #learn(
    { mechanism, answers, hasNoUser }: Exchange,
    pairs: Pairs,
  ): string {
    const texts = answers.map(({ stream, start, end }) =>
      stream.text.slice(start, end)
    );
    if (mechanism === "LOGIN" && hasNoUser) texts.unshift("");
    const learnt = credentialsOf(mechanism, texts);
    const name = pairs.nameOf(learnt);
    if (learnt.password !== undefined) {
      this.#add(learnt.password, false, `${name}_password`);
    }
    for (const answer of learnt.answers) this.#add(answer, true, name);
    for (const user of learnt.names) this.#add(user, true, `${name}_user`);
    for (const proof of learnt.proofs) this.#add(proof, false);
    return name;
  }

  #add(octets: string, isEncoded: boolean, name?: string): void {
    const least = isEncoded ? octets.replace(/=+$/, "") : octets;
    if (least.length < MIN_SECRET_BYTES) return;
    // What was met as base64 may be a password too, with more forms.
    const before = this.#secrets.get(octets);
    if (before !== undefined && (isEncoded || !before.isEncoded)) return;
    const secret = { octets, isEncoded };
    this.#secrets.set(octets, secret);
    if (this.#secrets.size > MAX_SECRETS) {
      throw new RangeError(
        `Cannot write the transcript: expected at most ${MAX_SECRETS} secrets`,
      );
    }
    if (name !== undefined) this.#names.set(secret, name);
  }

  *#redact(
    stream: Stream,
    places: readonly Cut[],
  ): Generator<undefined, void> {
    const found: Cut[] = [...places];
    for (const hit of this.#search.find(stream.text)) {
      if (hit === undefined) {
        yield;
        continue;
      }
      const { start, end, isLiteral } = hit;
      const name = isLiteral ? this.#names.get(hit.secret) : undefined;
      const isShown = name !== undefined &&
        mayBeVariable(stream, hit, hit.secret);
      found.push({ start, end, ...isShown && { variable: secret(name) } });
    }
    if (found.length === 0) return;
    this.#hasFound = true;
    const shown: Place[] = [];
    const hidden: Cut[] = [];
    let [variables, from] = [0, 0];
    for (const cut of merged(found)) {
      const { start, end, variable } = cut;
      if (stream.text.slice(from, start).includes("\n")) variables = 0;
      from = end;
      if (variable === undefined || ++variables > MAX_VARIABLES) {
        hidden.push(cut);
      } else shown.push({ start, end, variable });
    }
    stream.text = this.#masked(stream.text, hidden);
    stream.places = shown;
  }

  /** The same text, as long, with these cuts masked; line ends stay. */
  #masked(text: string, cuts: readonly Cut[]): string {
    const parts: string[] = [];
    let from = 0;
    for (const { start, end } of cuts) {
      const masked = text.slice(start, end).replace(/[^\r\n]/g, this.#mask);
      parts.push(text.slice(from, start), masked);
      from = end;
    }
    parts.push(text.slice(from));
    return parts.join("");
  }
}

function secret(name: string): Variable {
  return { name: `secret:${name}`, secret: true };
}

/** Whether a player can do with a variable there. */
function mayBeVariable(
  stream: Stream,
  { start, end }: Cut,
  { isEncoded }: Secret,
): boolean {
  const { wire, from, text } = stream;
  const isClaim = from === posternEnd(wire);
  // Nobody knows a secret that the relay says; and what an answer is outside of
  // its exchange, nobody can compute.
  if (!isClaim && (wire !== "client" || isEncoded)) return false;
  // A secret's variable stands for one word, in one step.
  return !/\s/.test(text.slice(start, end)) && !isCut(stream, start, end);
}

/** Whether a step ends within. */
function isCut({ cuts }: Stream, start: number, end: number): boolean {
  let [low, high] = [0, cuts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cuts[middle]! <= start) low = middle + 1;
    else high = middle;
  }
  return (cuts[low] ?? end) < end;
}

/**
 * Cuts in their order, without overlaps: what lies within another one goes, and
 * what overlaps another one is masked with it.
 */
function merged(cuts: readonly Cut[]): readonly Cut[] {
  const sorted = cuts.toSorted((a, b) => a.start - b.start || b.end - a.end);
  const all: Cut[] = [];
  for (const cut of sorted) {
    const last = all.at(-1);
    if (last === undefined || cut.start >= last.end) all.push(cut);
    else if (cut.end > last.end) {
      all[all.length - 1] = { start: last.start, end: cut.end };
    }
  }
  return all;
}

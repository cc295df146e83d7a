/**
 * Plays a conversation in ways that nobody wrote down: what its client sends
 * and what its relay answers is changed by chance, and what always holds must
 * hold still.
 *
 * The rule: each change has its own seed, and the same seed makes the same
 * change on every machine.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import type { Config } from "../config/config.ts";
import { accountsIn, STAND_IN } from "../replay/accounts.ts";
import { judge } from "./judge.ts";
import { mutate } from "./mutate.ts";
import { runMutated } from "./mutated_run.ts";
import { openPostern } from "../replay/postern.ts";
import { random } from "../replay/random.ts";
import { recut } from "./recut.ts";
import { type RelayPlan, relayPlan } from "./relay_faults.ts";
import { formatRun } from "./run_text.ts";
import { type Action, scriptOf } from "./script.ts";
import { isSaid, type Transcript, type Wire } from "../transcript/steps.ts";
import { CLOCK_MS, configOf, KNOWN } from "../replay/transcript_config.ts";

/** How a conversation is changed. */
export interface MutationSettings {
  /** How many times. */
  readonly count: number;
  /** The first one's seed; the next one's is one more. */
  readonly seed: number;
  /** Reads a message that the file names. */
  readMessage(path: string): Uint8Array;
}

/** What came of it. */
export interface Mutated {
  /** How many were played. */
  readonly runs: number;
  /** The first that broke what always holds. */
  readonly failure?: MutationFailure;
}

/** Where what always holds did not. */
export interface MutationFailure {
  /** Its seed. */
  readonly seed: number;
  /** What was changed, in words. */
  readonly mutation: string;
  /** What was broken, in words. */
  readonly broken: string;
  /** The conversation as it went, as a transcript's text. */
  readonly conversation: string;
}

/** What the relay that answers by itself can't do. */
const BEYOND: ReadonlySet<string> = new Set(["STARTTLS", "BINARYMIME"]);

/** Who may log in. */
const ACCOUNTS = accountsIn(new Map());

/** What stands for a secret: under AUTH PLAIN it is right. RFC 4616 section 2. */
const PLAIN_ANSWER = encodeBase64(`\0${STAND_IN.replace(":", "\0")}`);

/** How often the client's side is as written, where there is a relay to change. */
const AS_WRITTEN_SHARE = 0.4;

/** How often a client that has said all ends its side. */
const EOF_SHARE = 0.5;

/** What a relay offers whose file does not say. */
const USUAL_OFFER: readonly string[] = ["PIPELINING", "8BITMIME", "SMTPUTF8"];

/**
 * Plays `transcript` changed, `count` times, against Postern in memory.
 *
 * @returns The first failure and how many were played.
 * @throws {TypeError} Its settings are no configuration.
 */
export async function mutateInMemory(
  transcript: Transcript,
  settings: MutationSettings,
): Promise<Mutated> {
  const subject = new Subject(transcript, settings.readMessage);
  for (let i = 0; i < settings.count; i++) {
    const seed = settings.seed + i;
    const { broken, mutation, conversation } = await subject.play(seed);
    if (broken === undefined) continue;
    const failure = { seed, mutation, broken, conversation: conversation() };
    return { runs: i + 1, failure };
  }
  return { runs: settings.count };
}

/**
 * A conversation changed once, as it went: for keeping what was found.
 *
 * @param transcript The conversation.
 * @param settings How it is changed; `count` does not matter.
 * @param comments Lines for its beginning; the first is its name.
 * @returns The transcript's text, and what was broken, if anything.
 */
export async function mutatedConversation(
  transcript: Transcript,
  { seed, readMessage }: MutationSettings,
  comments: readonly string[],
): Promise<Pick<MutationFailure, "conversation"> & { broken?: string }> {
  const trial = await new Subject(transcript, readMessage).play(seed);
  const { broken } = trial;
  const conversation = trial.conversation(comments);
  return broken === undefined ? { conversation } : { conversation, broken };
}

/** One changed conversation that was played. */
interface Trial {
  readonly mutation: string;
  readonly broken: string | undefined;
  conversation(comments?: readonly string[]): string;
}

/** A conversation that is played changed. */
class Subject {
  readonly #transcript: Transcript;
  readonly #config: Config;
  readonly #script: readonly Action[];
  readonly #hasRelay: boolean;
  readonly #offer: readonly string[];

  constructor(
    transcript: Transcript,
    readMessage: MutationSettings["readMessage"],
  ) {
    this.#transcript = transcript;
    this.#config = configOf(transcript);
    const known = { ...KNOWN, "secret:auth": PLAIN_ANSWER };
    this.#script = scriptOf(transcript, readMessage, known);
    this.#hasRelay = this.#config.relay.url !== undefined ||
      transcript.steps.some((step) => "wire" in step && isRelay(step.wire));
    this.#offer = offerOf(transcript);
  }

  async play(seed: number): Promise<Trial> {
    const transcript = this.#transcript;
    const { actions, plan, words } = this.#change(seed);
    const stage = await openPostern({
      config: this.#config,
      client: transcript.client ?? "127.0.0.1",
      clock: transcript.clock ?? CLOCK_MS,
      accounts: ACCOUNTS,
    });
    const listener = this.#listener;
    const run = await runMutated(stage, actions, plan, listener.isLmtp);
    const broken = run.broken ??
      judge({ ...run.evidence, limits: this.#limits, listener });
    const faults = [...plan.faults].filter(([number]) =>
      number < run.relayReplies
    ).map(([number, { words }]) => `relay's reply ${number + 1} ${words}`);
    const mutation = [...words, ...faults].join(", ") || "nothing";
    const name = `${broken ?? transcript.name}: ${transcript.file} changed`;
    const conversation = (
      comments: readonly string[] = [name, `seed ${seed}: ${mutation}`],
    ) => formatRun(run, transcript, comments);
    return { mutation, broken, conversation };
  }

  get #listener(): Parameters<typeof judge>[0]["listener"] {
    const [listener] = this.#config.listener;
    const scheme = listener?.url.scheme;
    return {
      isSmtps: scheme === "smtps",
      isProxied: (listener?.proxy_protocol.length ?? 0) > 0,
      isLmtp: scheme === "lmtp",
    };
  }

  get #limits(): Parameters<typeof judge>[0]["limits"] {
    const { line, data, bare_newline } = this.#config.limits;
    return { line, data, rejectsBareNewlines: bare_newline === "reject" };
  }

  #change(
    seed: number,
  ): { actions: readonly Action[]; plan: RelayPlan; words: string[] } {
    const chance = random(seed);
    const { limits } = this.#config;
    const isAsWritten = this.#hasRelay && chance() < AS_WRITTEN_SHARE;
    const mutated = isAsWritten
      ? { actions: this.#script, words: [] }
      : mutate(this.#script, limits, chance);
    const { actions, words } = recut(mutated.actions, chance);
    const plan = relayPlan(this.#hasRelay ? this.#offer : [], chance);
    const ends = actions.at(-1)?.kind === "end" || chance() >= EOF_SHARE;
    return {
      actions: ends ? actions : [...actions, { kind: "end", how: "eof" }],
      plan,
      words: [...mutated.words, ...words],
    };
  }
}

/** What the relay of the file offers in its first reply to EHLO. */
function offerOf({ steps }: Transcript): readonly string[] {
  const offer: string[] = [];
  let isHeard = false;
  for (const step of steps) {
    if (!isSaid(step) || !isRelay(step.wire)) continue;
    const text = step.kind === "line" ? step.text.map(String).join("") : "";
    if (step.from === "client") {
      if (isHeard) break;
      isHeard = text.startsWith("EHLO") || isHeard;
    } else if (isHeard) offer.push(text.slice(4));
  }
  // TLS needs a relay that can do it, and so do chunks.
  const keywords = offer.slice(1).filter((line) => !BEYOND.has(line));
  return keywords.length > 0 ? keywords : USUAL_OFFER;
}

function isRelay(wire: Wire): boolean {
  return wire === "relay" || wire === "relay2";
}

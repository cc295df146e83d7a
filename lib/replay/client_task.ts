/**
 * What a client in a file does, as a task for Postern's own client.
 *
 * The rule: whatever Postern's client never does, and whatever it would do
 * otherwise from there on, makes a file unfit for it, with the reason in words.
 * What it leaves out or puts in without a difference (RSET, parameters) does not.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Command, parseCommand } from "../engine/command.ts";
import { Unstuffer } from "../engine/dots.ts";
import {
  type Capabilities,
  type MailParameters,
  NO_CAPABILITIES,
  parseCapabilities,
} from "../engine/extensions.ts";
import type { Mailbox, ReversePath } from "../engine/path.ts";
import { lackingOf } from "../relay/offer.ts";
import { FINAL_DOT_TIMEOUT_MS } from "../relay/settings.ts";
import { isSaslMechanism, type SaslMechanism } from "../sasl/mechanism.ts";
import { fromOctets } from "../transcript/template.ts";
import { joined, mailData } from "./sending.ts";
import { type HearTurn, type SayTurn, type Turn, UnfitError } from "./turns.ts";

/** One message, or one that was given up before its data. */
export interface TaskMessage {
  /** The reverse-path. */
  readonly sender: ReversePath;
  /** What MAIL says beside it. */
  readonly parameters: MailParameters;
  /** The recipients, in their order. */
  readonly recipients: Mailbox[];
  /** The message, dots taken off; missing where it never came to it. */
  message?: Uint8Array;
}

/** What Postern's client is to do. */
export interface ClientTask {
  /** Its name in EHLO. */
  helloName: string;
  /** Whether the server is asked for TLS, or it comes before the greeting. */
  tls: "off" | "opportunistic" | "implicit";
  /** How it says who it is; missing where it does not. */
  mechanism?: SaslMechanism;
  /** The messages. */
  readonly messages: TaskMessage[];
}

/** How long Postern's client waits for a reply, in ms: as it is configured. */
export const READ_TIMEOUT_MS = 300_000;

/** The code that asks for an answer. RFC 4954 section 4. */
const CHALLENGE = 334;

/** What MAIL may have; any SIZE. */
const OFFER = { size: 0 };

const AUTH = /^AUTH +([\w-]+)( +\S+)? *$/i;

/** Whether each mechanism's first answer stands in the AUTH command. */
const HAS_INITIAL: Readonly<Record<SaslMechanism, boolean>> = {
  PLAIN: true,
  LOGIN: false,
  "CRAM-MD5": false,
  "SCRAM-SHA-256": true,
  XOAUTH2: true,
  OAUTHBEARER: true,
};

/**
 * Reads the task.
 *
 * @param turns The conversation, as its server has it.
 * @throws {UnfitError} It is not one for Postern's client.
 */
export function clientTaskOf(turns: readonly Turn[]): ClientTask {
  const [first] = turns;
  const reader = new TaskReader(first?.kind === "tls");
  turns.forEach((turn, i) => {
    if (turn.kind !== "hear") return;
    const end = turns.findIndex(({ kind }, at) => at > i && kind !== "wait");
    const waits = turns.slice(i, end).filter(({ kind }) => kind === "wait");
    const waitMs = waits.reduce((sum, wait) => sum + waitMsOf(wait), 0);
    const answer = turns[end];
    reader.take(turn, waitMs, answer?.kind === "say" ? answer : undefined);
  });
  return reader.end(first?.kind === "say" && first.code > 299);
}

function waitMsOf(turn: Turn): number {
  return turn.kind === "wait" ? turn.ms : 0;
}

/** Takes what a client says, command by command. */
class TaskReader {
  readonly #task: ClientTask = {
    ...{ helloName: "", tls: "off" },
    messages: [],
  };
  #offered: Capabilities = NO_CAPABILITIES;
  /** Code of the reply to the last EHLO; 0: none since the greeting, or TLS. */
  #hello = 0;
  /** Whether what comes next answers a challenge. */
  #isAsked = false;
  /** Whether a sender is taken, was refused, or there is none. */
  #sender: "taken" | "refused" | "none" = "none";

  /** @param isImplicit Whether TLS comes before the greeting. */
  constructor(isImplicit: boolean) {
    if (isImplicit) this.#task.tls = "implicit";
  }

  take(turn: HearTurn, waitMs: number, answer: SayTurn | undefined): void {
    const longest = turn.isMessage ? FINAL_DOT_TIMEOUT_MS : READ_TIMEOUT_MS;
    if (waitMs >= longest) {
      const reason = `Postern's client waits ${longest / 1_000} s at most`;
      throw new UnfitError(reason, turn.stepAt(0));
    }
    if (turn.isMessage) {
      this.#task.messages.at(-1)!.message = messageOf(turn);
      this.#sender = "none";
    } else this.#takeCommand(turn, answer);
  }

  #takeCommand(turn: HearTurn, answer: SayTurn | undefined): void {
    // What an answer is depends on the challenge.
    if (this.#isAsked) {
      this.#isAsked = isQuestion(answer);
      return;
    }
    const line = turn.octets.slice(0, -2);
    const verb = /^[A-Za-z]*/.exec(line)![0].toUpperCase();
    const never = () => {
      const reason = `Postern's client never says ${verb || "that"} here`;
      return new UnfitError(reason, turn.stepAt(0));
    };
    switch (verb) {
      case "EHLO":
      case "HELO":
      case "STARTTLS":
      case "AUTH":
        if (this.#task.messages.length > 0) throw never();
        if (!this.#open(verb, line, answer)) throw never();
        return;
      case "MAIL":
        if (this.#hello === 0 || this.#sender === "taken") throw never();
        if (!this.#mail(line, turn, answer)) throw never();
        return;
      case "RCPT":
        if (this.#sender === "none" || !this.#rcpt(line)) throw never();
        return;
      case "DATA":
        // It comes to the message itself only where that is let.
        this.#task.messages.at(-1)!.message ??= new Uint8Array();
        if (this.#sender === "none") throw never();
        if (answer?.code !== 354) this.#sender = "none";
        return;
      case "RSET":
        this.#sender = "none";
        return;
      case "QUIT":
        return;
      default:
        throw never();
    }
  }

  /** What comes before the first message; whether Postern's client says that. */
  #open(
    verb: "EHLO" | "HELO" | "STARTTLS" | "AUTH",
    line: string,
    answer: SayTurn | undefined,
  ): boolean {
    const task = this.#task;
    const offered = this.#offered;
    switch (verb) {
      case "EHLO":
        if (this.#hello !== 0) return false;
        task.helloName = line.slice(4).trim();
        this.#hello = answer?.code ?? 421;
        this.#offered = offeredIn(answer);
        return true;
      case "HELO":
        if (this.#hello < 500) return false;
        this.#hello = 250;
        return true;
      case "STARTTLS":
        task.tls = "opportunistic";
        this.#hello = 0;
        // Where it is refused, a new connection would be made.
        return offered.startTls && answer?.code === 220;
      case "AUTH": {
        const [, name = "", initial] = AUTH.exec(line) ?? [];
        const mechanism = name.toUpperCase();
        // It logs in once.
        if (task.mechanism !== undefined || !isSaslMechanism(mechanism)) {
          return false;
        }
        task.mechanism = mechanism;
        this.#isAsked = isQuestion(answer);
        const hasInitial = initial !== undefined;
        return offered.auth.has(mechanism) &&
          hasInitial === HAS_INITIAL[mechanism];
      }
    }
  }

  #mail(line: string, turn: HearTurn, answer: SayTurn | undefined): boolean {
    const command = commandOf(line);
    if (command?.verb !== "MAIL") return false;
    const { sender, parameters } = command;
    if (lackingOf(this.#offered, parameters) !== undefined) {
      const reason = "its server does not offer what the message needs";
      throw new UnfitError(reason, turn.stepAt(0));
    }
    this.#task.messages.push({ sender, parameters, recipients: [] });
    this.#sender = answer !== undefined && answer.code < 300
      ? "taken"
      : "refused";
    return true;
  }

  #rcpt(line: string): boolean {
    const command = commandOf(line);
    if (command?.verb !== "RCPT") return false;
    this.#task.messages.at(-1)!.recipients.push(command.recipient);
    return true;
  }

  /** `isUnwanted`: the greeting was a refusal, to which nobody says EHLO. */
  end(isUnwanted: boolean): ClientTask {
    const task = this.#task;
    if (task.helloName !== "") return task;
    if (isUnwanted) return { ...task, helloName: "client.test" };
    throw new UnfitError("Postern's client says EHLO first");
  }
}

/** Whether it asks for an answer; one that is no base64 is never answered. */
function isQuestion(answer: SayTurn | undefined): boolean {
  return answer?.code === CHALLENGE &&
    /^[A-Za-z0-9+/]*={0,2}\s*$/.test(answer.lines[0]!.slice(4));
}

/**
 * The command of a line.
 *
 * @param octets The line without CRLF, an octet a character.
 * @returns The command; `undefined` where it is none.
 */
export function commandOf(octets: string): Command | undefined {
  const parsed = parseCommand(fromOctets(octets), OFFER);
  return parsed.ok ? parsed.value : undefined;
}

function offeredIn(answer: SayTurn | undefined): Capabilities {
  if (answer === undefined || answer.code > 299) return NO_CAPABILITIES;
  return parseCapabilities(
    answer.lines.slice(1).map((line) => line.slice(4).trimEnd()),
  );
}

/** The message that comes out of its data, if Postern would send it so. */
function messageOf(turn: HearTurn): Uint8Array {
  const data = fromOctets(turn.octets);
  const stuffed = data.subarray(0, -3);
  const message = joined(new Unstuffer().add(stuffed));
  if (Buffer.compare(mailData(message), data) === 0) return message;
  throw new UnfitError(
    "Postern's client would send the message otherwise",
    turn.stepAt(0),
  );
}

/**
 * A relay that answers by itself: it takes everything, but for the faults that
 * its plan lays over its replies, and remembers what it was given.
 *
 * The rule: it goes by what it has said. Data comes only behind DATA and a
 * whole 354, and a message counts as taken only if a whole 2xx answered its
 * end, whatever Postern made of that. What no sane client would tell it, it
 * notes as strange.
 *
 * @module
 */

import { addressOf, isConsent, isGoAhead, messageAt } from "./framing_model.ts";
import type { Taken } from "./judge_mail.ts";
import type { RelayPlan } from "./relay_faults.ts";
import type { StageWire } from "../replay/stage.ts";
import type { Wire } from "../transcript/steps.ts";
import { fromOctets } from "../transcript/template.ts";

/** What all connections to a relay have in common. */
export interface RelayMemory {
  /** How it speaks. */
  readonly plan: RelayPlan;
  /** How many replies were due so far. */
  replies: number;
  /** The messages that it was given, ended, in order. */
  readonly taken: Taken[];
  /** What it should not have been told. */
  readonly strange: string[];
  /** Told what goes over the connections, for the record. */
  note(wire: Wire, event: RelayEvent): void;
}

/** Something that goes over a relay's connection. */
export type RelayEvent =
  | { readonly kind: "asked"; readonly line: string }
  | { readonly kind: "answered"; readonly octets: string }
  | { readonly kind: "ended"; readonly how: "eof" | "reset" };

/** What our client says outside of data. */
const COMMAND =
  /^(?:(?:EHLO|HELO|LHLO) \S+|MAIL FROM:<.*>[ -~]*|RCPT TO:<.*>[ -~]*|DATA|RSET|QUIT|STARTTLS|AUTH .*|XFORWARD [!-~ ]+|BDAT \d+(?: LAST)?)$/s;

/** Recipients that it does not know, so that verdicts differ. */
const REFUSED = "RCPT TO:<unknown";

const BAD_ORDER = "503 5.5.1 Bad sequence of commands\r\n";

/** One connection to the relay. */
export class AnsweringRelay {
  readonly #name: Wire;
  readonly #wire: StageWire;
  readonly #memory: RelayMemory;
  #isGreeted = false;
  #isInData = false;
  #isOver = false;
  /** Whether each recipient has a reply of its own. RFC 2033 section 4.2. */
  #isLmtp = false;
  /** What is to be said once all that was asked is answered. */
  #due = "";
  #data = "";
  #sender: string | undefined;
  #recipients: string[] = [];

  constructor(name: Wire, wire: StageWire, memory: RelayMemory) {
    this.#name = name;
    this.#wire = wire;
    this.#memory = memory;
  }

  /** Whether a transaction is open that Postern has not given up. */
  async isHalfway(): Promise<boolean> {
    const isOpen = this.#sender !== undefined || this.#isInData;
    return isOpen && !this.#isOver && await this.#wire.line() !== null;
  }

  /** Answers what was said; whether there was anything. */
  async pump(): Promise<boolean> {
    let hasActed = false;
    if (!this.#isGreeted) {
      this.#isGreeted = hasActed = true;
      this.#reply("220 relay.test ESMTP\r\n");
    }
    // All that was said came before the answer to any of it.
    const lines: string[] = [];
    while (this.#wire.hasLine()) {
      const line = await this.#wire.line();
      if (typeof line !== "string") break;
      this.#note({ kind: "asked", line });
      lines.push(line);
    }
    for (const line of lines) {
      hasActed = true;
      if (!this.#isOver) this.#answer(line);
    }
    this.#flush();
    return hasActed;
  }

  #answer(line: string): void {
    if (this.#isInData) return this.#takeData(line);
    if (!COMMAND.test(line)) this.#memory.strange.push(line);
    const verb = line.slice(0, 4);
    switch (verb) {
      case "EHLO":
      case "LHLO":
      case "HELO": {
        this.#forget();
        this.#isLmtp = verb === "LHLO";
        const offer = verb === "HELO" ? [] : this.#memory.plan.offer;
        const lines = ["relay.test", ...offer];
        this.#reply(
          lines.map((text, i) =>
            `250${i + 1 < lines.length ? "-" : " "}${text}\r\n`
          ).join(""),
        );
        return;
      }
      case "MAIL":
        if (isConsent(this.#reply("250 2.1.0 Ok\r\n"))) {
          this.#forget();
          this.#sender = addressOf(line) ?? "?";
        }
        return;
      case "RCPT":
        if (isConsent(this.#reply(this.#recipientReply(line)))) {
          this.#recipients.push(addressOf(line) ?? "?");
        }
        return;
      case "DATA":
        this.#data = "";
        this.#isInData = isGoAhead(
          this.#reply(this.#recipients.length > 0 ? "354 Go\r\n" : BAD_ORDER),
        );
        return;
      case "RSET":
        this.#forget();
        this.#reply("250 2.0.0 Ok\r\n");
        return;
      case "QUIT":
        this.#reply("221 2.0.0 Bye\r\n");
        return;
      case "AUTH":
        this.#reply("235 2.7.0 Ok\r\n");
        return;
      case "XFOR":
        this.#reply("250 2.0.0 Ok\r\n");
        return;
      default:
        this.#reply("500 5.5.2 Unknown command\r\n");
    }
  }

  #recipientReply(line: string): string {
    if (this.#sender === undefined) return BAD_ORDER;
    return line.startsWith(REFUSED)
      ? "550 5.1.1 Unknown\r\n"
      : "250 2.1.5 Ok\r\n";
  }

  #takeData(line: string): void {
    this.#data += `${line}\r\n`;
    if (line !== ".") return;
    this.#isInData = false;
    const { octets, hasBareNewline } = messageAt(this.#data, 0)!;
    if (hasBareNewline) this.#memory.strange.push(octets);
    const [sender = "?", recipients] = [this.#sender, this.#recipients];
    const groups = this.#isLmtp ? recipients.map((to) => [to]) : [recipients];
    for (const recipients of groups) {
      const isTaken = isConsent(this.#reply("250 2.0.0 Queued\r\n"));
      this.#memory.taken.push({
        ...{ sender, recipients, octets, isTaken },
        hasTrace: true,
      });
    }
    this.#forget();
  }

  /** Says the reply, or what its fault makes of it; gives what was said. */
  #reply(octets: string): string {
    const fault = this.#memory.plan.faults.get(this.#memory.replies++);
    const reply = fault?.change(octets) ?? { octets };
    this.#due += reply.octets;
    if (this.#memory.plan.speaks !== "joined") this.#flush();
    if (reply.then !== undefined) this.#stop(reply.then);
    return reply.octets;
  }

  #stop(how: "eof" | "reset" | "silence"): void {
    this.#flush();
    this.#isOver = true;
    if (how === "silence") return;
    this.#note({ kind: "ended", how });
    this.#wire.end(how);
  }

  #flush(): void {
    const octets = this.#due;
    this.#due = "";
    if (octets === "") return;
    this.#note({ kind: "answered", octets });
    const bytes = fromOctets(octets);
    const size = this.#memory.plan.speaks === "bytes" ? 1 : bytes.length;
    for (let at = 0; at < bytes.length; at += size) {
      this.#wire.send(bytes.subarray(at, at + size));
    }
  }

  #note(event: RelayEvent): void {
    this.#memory.note(this.#name, event);
  }

  #forget(): void {
    this.#sender = undefined;
    this.#recipients = [];
  }
}

/**
 * Writes down what came of a changed conversation, as a transcript that can be
 * saved and played: what the client and the relay said, and what Postern said
 * to them.
 *
 * The rule: a write is a step, but where lines were cut each line is one, since
 * every conversation is played in all cuts anyway.
 *
 * @module
 */

import type { RelayEvent } from "./answering_relay.ts";
import type { Run, RunEvent } from "./mutated_run.ts";
import { formatTranscript } from "../transcript/print.ts";
import {
  type DeliveredStep,
  type End,
  type MessagePart,
  type Step,
  type Transcript,
  UNWRITTEN,
  type Wire,
} from "../transcript/steps.ts";
import { octetsOf, textOf, toOctets } from "../transcript/template.ts";

/** A whole reply and nothing else. */
const ONE_REPLY = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n$/;

/**
 * Writes a run down.
 *
 * @param run What came of it.
 * @param transcript What was changed: its settings are the run's.
 * @param comments Lines for its beginning; the first is its name.
 * @returns The file's text.
 */
export function formatRun(
  run: Run,
  { settings }: Pick<Transcript, "settings">,
  comments: readonly string[],
): string {
  const writing = new Writing();
  for (const event of run.events) writing.add(event);
  const steps = [...writing.steps, ...deliveredSteps(run)];
  const plain = settings.map((setting) => ({ ...setting, above: "" }));
  const head = comments.map((text) => `# ${text}\n`).join("");
  return `${head}${formatTranscript({ settings: plain, steps, tail: "" })}`;
}

/** Gathers the steps. */
class Writing {
  readonly steps: Step[] = [];
  /** The client's writes that are one step, or lines that were cut. */
  #writes: string[] = [];

  add(event: RunEvent): void {
    if (event.kind === "sent") {
      this.#writes.push(event.octets);
      if (event.octets.endsWith("\r\n")) this.#flush();
      return;
    }
    this.#flush();
    switch (event.kind) {
      case "heard":
        return this.#say("client", "server", `${event.line}\r\n`);
      case "waited":
        return this.#wait(event.ms);
      case "ended":
        return this.#end("client", event.how);
      case "secured":
        this.steps.push({ ...UNWRITTEN, kind: "tls", wire: "client" });
        return;
      case "closed":
        return this.#end("client", "close");
      case "relay":
        return this.#addOfRelay(event.wire, event.event);
    }
  }

  #addOfRelay(wire: Wire, event: RelayEvent): void {
    switch (event.kind) {
      case "asked":
        return this.#say(wire, "client", `${event.line}\r\n`);
      case "answered":
        for (const octets of repliesOrAll(event.octets)) {
          this.#say(wire, "server", octets);
        }
        return;
      case "ended":
        this.#end(wire, event.how === "eof" ? "close" : "reset");
    }
  }

  #flush(): void {
    const writes = this.#writes;
    this.#writes = [];
    // Of lines that came in pieces each is answered for itself.
    const steps = writes.length > 1 ? linesOf(writes.join("")) : writes;
    for (const octets of steps) this.#say("client", "client", octets);
  }

  #say(wire: Wire, from: End, octets: string): void {
    const said = { ...UNWRITTEN, wire, from };
    const line = plainLine(octets);
    this.steps.push(
      line === undefined
        ? { ...said, kind: "bytes", octets: [octets] }
        : { ...said, kind: "line", text: line === "" ? [] : [line] },
    );
  }

  #wait(ms: number): void {
    const last = this.steps.at(-1);
    if (last?.kind === "wait") {
      this.steps[this.steps.length - 1] = { ...last, ms: last.ms + ms };
    } else this.steps.push({ ...UNWRITTEN, kind: "wait", ms });
  }

  /** Behind its own reset the client hears of nothing. */
  #end(wire: Wire, kind: "close" | "eof" | "reset"): void {
    const isOver = this.steps.some((step) =>
      step.kind === "reset" && step.wire === "client"
    );
    if (!isOver) this.steps.push({ ...UNWRITTEN, kind, wire });
  }
}

/** The lines of one reply; what is more or less than that stays one write. */
function repliesOrAll(octets: string): readonly string[] {
  return ONE_REPLY.test(octets) ? linesOf(octets) : [octets];
}

/** Octets cut behind each CRLF. */
function linesOf(octets: string): readonly string[] {
  return octets.match(/[^]*?\r\n|[^]+$/g) ?? [];
}

/** One line without its CRLF; `undefined` for what is none, or no text. */
function plainLine(octets: string): string | undefined {
  if (!/^[^\r\n]*\r\n$/.test(octets)) return undefined;
  const line = octets.slice(0, -2);
  const text = textOf(line);
  return toOctets(text) === line ? text : undefined;
}

function deliveredSteps({ delivered, evidence }: Run): Step[] {
  if (delivered.length > 0) {
    return delivered.map(({ sender, recipients, message }): DeliveredStep => ({
      ...{ ...UNWRITTEN, kind: "delivered", sender, recipients },
      message: partsOf(octetsOf(message)),
    }));
  }
  if (evidence.taken.length > 0) return [];
  return [{ ...UNWRITTEN, kind: "nothing" }];
}

function partsOf(octets: string): MessagePart[] {
  return linesOf(octets).map((line): MessagePart => {
    const text = plainLine(line);
    return text === undefined
      ? { kind: "bytes", octets: [line] }
      : { kind: "line", text: text === "" ? [] : [text] };
  });
}

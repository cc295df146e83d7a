/**
 * A plain SMTP client for the tests that need to see each reply: one command
 * at a time, every wait bounded.
 *
 * @module
 */

import { within } from "./wait.ts";

/** A reply, its lines joined; code 0 where the server closed instead. */
export interface Heard {
  /** Reply code. */
  readonly code: number;
  /** All of it, lines joined by LF. */
  readonly text: string;
}

/** Where a message ended: the step that was answered last, and the answer. */
export interface Fate extends Heard {
  /** CONNECT, EHLO, MAIL, RCPT, DATA or "." */
  readonly step: string;
}

/** An envelope for {@linkcode Session.deliver}. */
export interface Envelope {
  /** Argument of MAIL after `FROM:`. */
  readonly from: string;
  /** Arguments of RCPT after `TO:`. */
  readonly to: string;
}

/** One connection to a server under test. */
export class Session implements Disposable {
  readonly #conn: Deno.Conn;
  readonly #withinMs: number;
  #input = "";

  private constructor(conn: Deno.Conn, withinMs: number) {
    this.#conn = conn;
    this.#withinMs = withinMs;
  }

  /** Connects; each reply then must come within `withinMs`. */
  static async open(port: number, withinMs: number): Promise<Session> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    // What is written in pieces is to arrive in pieces.
    conn.setNoDelay();
    return new Session(conn, withinMs);
  }

  /** Reads one reply. */
  async reply(): Promise<Heard> {
    const end = /^\d{3}(?: .*)?\r\n/m;
    const buffer = new Uint8Array(4_096);
    while (!end.test(this.#input)) {
      const length = await within(
        "a reply",
        this.#read(buffer),
        this.#withinMs,
      );
      if (length === null) return { code: 0, text: "closed" };
      this.#input += new TextDecoder().decode(buffer.subarray(0, length));
    }
    const match = end.exec(this.#input)!;
    const text = this.#input.slice(0, match.index + match[0].length);
    this.#input = this.#input.slice(text.length);
    return {
      code: Number(match[0].slice(0, 3)),
      text: text.trimEnd().replaceAll("\r\n", "\n"),
    };
  }

  /** Sends one line and reads the reply to it. */
  async command(line: string): Promise<Heard> {
    try {
      await this.write(new TextEncoder().encode(`${line}\r\n`));
    } catch {
      // Closed by the server: what it said before is still to be read.
    }
    return await this.reply();
  }

  /** Writes all of `bytes`. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await within(
        "room to write",
        this.#conn.write(bytes.subarray(at)),
        this.#withinMs,
      );
    }
  }

  /**
   * Sends one message, up to the first refusal. `greeted`: connection and EHLO
   * are behind us.
   */
  async deliver(
    envelope: Envelope,
    content: string,
    greeted = false,
  ): Promise<Fate> {
    const steps: [step: string, wanted: number, ask: () => Promise<Heard>][] = [
      ["CONNECT", 220, () => this.reply()],
      ["EHLO", 250, () => this.command("EHLO client.example.org")],
      ["MAIL", 250, () => this.command(`MAIL FROM:${envelope.from}`)],
      ["RCPT", 250, () => this.command(`RCPT TO:${envelope.to}`)],
      ["DATA", 354, () => this.command("DATA")],
      [".", 250, () => this.command(`${content}\r\n.`)],
    ];
    let fate: Fate = { step: "", code: 0, text: "" };
    for (const [step, wanted, ask] of greeted ? steps.slice(2) : steps) {
      fate = { step, ...await ask() };
      if (fate.code !== wanted) break;
    }
    return fate;
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #read(buffer: Uint8Array): Promise<number | null> {
    try {
      return await this.#conn.read(buffer);
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return null;
      throw error;
    }
  }
}

/** Longest wait of a client for one reply. */
const REPLY_WAIT_MS = 20_000;

/** Sends one small message on a connection of its own; `marker` is its subject. */
export async function deliver(
  port: number,
  domain: string,
  marker: string,
  parameters = "",
): Promise<Fate> {
  using session = await Session.open(port, REPLY_WAIT_MS);
  const fate = await session.deliver(
    { from: `<a@example.org> ${parameters}`.trimEnd(), to: `<b@${domain}>` },
    `Subject: ${marker}\r\n\r\n${"Hello.\r\n".repeat(100)}`,
  );
  if (fate.code !== 0) await session.command("QUIT");
  return fate;
}

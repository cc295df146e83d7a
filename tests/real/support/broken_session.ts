/**
 * A client that breaks off: speaks a valid conversation up to one byte of it,
 * waits there, and vanishes, politely or not.
 *
 * `node:net`, because only its sockets can be reset at will.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { within } from "./wait.ts";

/** What is said before the server must answer; the last is the message. */
const TURNS: readonly string[] = [
  "EHLO client.example.org\r\n",
  "MAIL FROM:<a@example.org> BODY=8BITMIME\r\n" +
  "RCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n",
  `Subject: Broken off\r\n\r\n${
    "A line of the message, .\r\n..\r\n".repeat(400)
  }.\r\n`,
];

/** The last reply code of the server's turn before each of ours. */
const AWAITED = ["220", "250", "354"];

/**
 * Bytes of the whole conversation but for the last, which would end the
 * message: a session broken off at one of them has delivered nothing.
 */
export const BREAKS: number = TURNS.join("").length - 1;

/** One client. */
export class BrokenSession {
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #heard = "";
  #wake: () => void = () => {};

  /** Connects to 127.0.0.1:`port`. */
  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (piece) => {
      this.#heard += piece;
      this.#wake();
    });
    // A reset is this client's trade; what the server does is judged elsewhere.
    this.#socket.on("error", () => {});
    this.#closed = new Promise((done) =>
      this.#socket.on("close", () => {
        this.#wake();
        done();
      })
    );
  }

  /** Says the first `bytes` bytes of the conversation, in step with the server. */
  async speak(bytes: number): Promise<void> {
    let left = bytes;
    for (const [i, turn] of TURNS.entries()) {
      if (left <= 0) return;
      await within(`${AWAITED[i]}`, this.#hears(AWAITED[i]!));
      await this.#write(turn.slice(0, left));
      left -= turn.length;
    }
  }

  /** Ends the sending side (FIN), or resets the connection (RST). */
  async breakOff(how: "FIN" | "RST"): Promise<void> {
    if (how === "FIN") this.#socket.end();
    else this.#socket.resetAndDestroy();
    await within("the connection's end", this.#closed);
  }

  async #hears(code: string): Promise<void> {
    // Multi-line replies and pipelined ones: the last line that has come counts.
    const end = new RegExp(`(?:^|\\n)${code} [^\\n]*\\n$`);
    while (!end.test(this.#heard)) {
      if (this.#socket.destroyed) {
        throw new Error(`Closed after ${JSON.stringify(this.#heard)}`);
      }
      if (/(?:^|\n)[45]\d\d /.test(this.#heard)) {
        throw new Error(`Refused: ${JSON.stringify(this.#heard)}`);
      }
      await new Promise<void>((done) => this.#wake = done);
    }
    this.#heard = "";
  }

  async #write(text: string): Promise<void> {
    if (text === "") return;
    await new Promise<void>((done) =>
      this.#socket.write(Buffer.from(text), () => done())
    );
  }
}

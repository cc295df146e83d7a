/**
 * What is recorded: a conversation with a name, and what it must show.
 *
 * @module
 */

import {
  type Message,
  MESSAGES,
} from "../../../tests/real/support/messages.ts";
import type { Start } from "../software/server.ts";

/** A conversation to be recorded. */
export interface Scenario {
  /** Name of the recording's file, without `.txt`. */
  readonly name: string;
  /** What it shows; its first comment. */
  readonly title: string;
  /** What must be found in it, or it shows something else. */
  readonly shows: RegExp;
  /** Which client it is, with its version. */
  readonly client: () => Promise<string>;
  /**
   * Talks to what listens on 127.0.0.1:`port`. What it leaves to `stack` is
   * ended once the conversation is over.
   */
  readonly talk: (
    port: number,
    stack: AsyncDisposableStack,
  ) => Promise<unknown>;
}

/** A client that talks to Postern. */
export interface ClientScenario extends Scenario {
  /** Of Postern's configuration, behind `[server]`; TOML. */
  readonly toml?: string;
  /** The relay behind Postern; without one it stores messages. */
  readonly relay?: Start;
}

/** A server that a client talks to, Postern's recorder between them. */
export interface RelayScenario extends Scenario {
  /** The server. */
  readonly server: Start;
}

/** A message that the tests with real software send, by its name. */
export function messageNamed(
  name: string,
  change: Partial<Message> = {},
): Message {
  const message = MESSAGES.find((message) => message.name === name);
  if (message === undefined) throw new Error(`Cannot find message "${name}"`);
  return { ...message, ...change };
}

/** A message of at least `bytes` bytes. */
export function messageOf(bytes: number): Message {
  const plain = messageNamed("plain text");
  const line = "This line makes the message a little longer than it was.\r\n";
  const more = new TextEncoder().encode(
    line.repeat(Math.ceil(bytes / line.length)),
  );
  const content = new Uint8Array(plain.content.length + more.length);
  content.set(plain.content);
  content.set(more, plain.content.length);
  return { ...plain, content };
}

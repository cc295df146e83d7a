/**
 * What the clients' conversations are made of: messages, configurations of
 * Postern, and what must be seen.
 *
 * @module
 */

import type { Message } from "../../../tests/real/support/messages.ts";
import { SOFTWARE } from "../software/clients.ts";
import { type ClientScenario, messageNamed, messageOf } from "./scenario.ts";

/** The client is a stranger, and only `example.org` is relayed for strangers. */
export const STRANGER = `[local]
networks = ["192.0.2.0/24"]
[relay]
domains = ["example.org"]
`;

/** Messages must be small. */
export const SMALL = `[limits]
data = "1KiB"
`;

/** Text, for one. */
export const PLAIN: Message = messageNamed("plain text");
/** Octets over 127. */
export const EIGHT_BIT: Message = messageNamed("an 8-bit body");
/** Lines that begin with dots. */
export const DOTS: Message = messageNamed(
  "dot lines, the last line a single dot",
);
/** Addresses in UTF-8. */
export const UTF8: Message = messageNamed("UTF-8 addresses");
/** More than {@linkcode SMALL} allows. */
export const LARGE: Message = messageOf(1_100);
/** For two. */
export const TWO: Message = to("recipient@example.org", "other@example.org");
/** For two, one of whom a stranger may not send to. */
export const ONE_ELSEWHERE: Message = to(
  "recipient@example.org",
  "b@elsewhere.test",
);
/** For two whom a stranger may not send to. */
export const ELSEWHERE: Message = to("b@elsewhere.test", "c@elsewhere.test");

/** Text, for `recipients`. */
export function to(...recipients: string[]): Message {
  return { ...PLAIN, to: recipients };
}

/** A scenario as a row: which client, what about it, its title, what it shows. */
export function row(
  client: keyof typeof SOFTWARE,
  about: string,
  title: string,
  shows: RegExp,
  talk: ClientScenario["talk"],
  more: Pick<ClientScenario, "toml" | "relay"> = {},
): ClientScenario {
  return {
    name: `${client}_${about}`,
    client: SOFTWARE[client],
    title,
    shows,
    talk,
    ...more,
  };
}

/** Postern stored it. */
export const STORED = /^S: 250 2\.0\.0 Message delivered$/m;
/** Postern does not relay there. */
export const DENIED = /^S: 550 5\.7\.1 .*$/m;
/** Postern takes no such size. */
export const TOO_LARGE = /^S: 552 5\.3\.4 .*$/m;
/** The relay took it, and only then Postern. */
export const RELAYED = /^P: \.\nR: 250 2\.0\.0 Ok.*\nS: 250 2\.0\.0 Ok.*$/m;

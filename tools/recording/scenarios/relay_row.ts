/**
 * What the relays' conversations are made of: messages, clients, and what must
 * be seen.
 *
 * @module
 */

import type { Message } from "../../../tests/real/support/messages.ts";
import { posternSend, SOFTWARE, swaks } from "../software/clients.ts";
import {
  CREDENTIALS,
  MAX_MESSAGE_BYTES,
  REFUSED,
  type Start,
} from "../software/server.ts";
import { messageNamed, messageOf, type RelayScenario } from "./scenario.ts";

/** Text, for one. */
export const PLAIN: Message = messageNamed("plain text");
/** For two. */
export const TWO: Message = {
  ...PLAIN,
  to: ["recipient@example.org", "other@example.org"],
};
/** For three: refused, taken, deferred. */
export const MIXED: Message = {
  ...PLAIN,
  to: [REFUSED.recipient, "recipient@example.org", REFUSED.full],
};
/** For two who are refused. */
export const ALL_REFUSED: Message = {
  ...PLAIN,
  to: [REFUSED.recipient, "b@elsewhere.test"],
};
/** For one who is deferred. */
export const DEFERRED: Message = { ...PLAIN, to: [REFUSED.full] };
/** From a sender who is refused. */
export const BLOCKED: Message = { ...PLAIN, from: REFUSED.sender };
/** More than the servers take. */
export const LARGE: Message = messageOf(MAX_MESSAGE_BYTES + 100);
/** Octets over 127. */
export const EIGHT_BIT: Message = messageNamed("an 8-bit body");
/** An address in UTF-8. */
export const UTF8: Message = messageNamed("UTF-8 addresses", {
  to: ["\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae@example.org"],
});
/** Lines that begin with dots. */
export const DOTS: Message = messageNamed(
  "dot lines, the last line a single dot",
);
/** A subject that Exim refuses. */
export const UNWANTED: Message = {
  ...PLAIN,
  content: new TextEncoder().encode(
    new TextDecoder().decode(PLAIN.content).replace(
      "Subject: Plain text",
      "Subject: Refused",
    ),
  ),
};

/** Postern sends `message`: about what, its title, what it shows. */
export function row(
  server: readonly [name: string, Start],
  about: string,
  title: string,
  shows: RegExp,
  message: Message,
): RelayScenario {
  const [name, start] = server;
  return {
    name: `${name}_${about}`,
    server: start,
    client: SOFTWARE.postern_send,
    title,
    shows,
    talk: (port) => posternSend(port, message),
  };
}

/** swaks logs in, or tries, and sends a message. */
export function login(
  server: readonly [name: string, Start],
  about: string,
  title: string,
  shows: RegExp,
  mechanism: string,
  password: string = CREDENTIALS.password,
): RelayScenario {
  return {
    ...row(server, about, title, shows, PLAIN),
    client: SOFTWARE.swaks,
    talk: (port) =>
      swaks(port, PLAIN, "--auth", mechanism, ...[
        ...["--auth-user", CREDENTIALS.user],
        ...["--auth-password", password],
      ]),
  };
}

/** Postern logs in and sends a message. */
export function posternLogin(
  server: readonly [name: string, Start],
  about: string,
  title: string,
  shows: RegExp,
): RelayScenario {
  const { user, password } = CREDENTIALS;
  const userInfo = `${encodeURIComponent(user)}:${
    encodeURIComponent(password)
  }@`;
  return {
    ...row(server, about, title, shows, PLAIN),
    talk: (port) => posternSend(port, PLAIN, userInfo),
  };
}

/** The server took it. */
export const ACCEPTED = /^C: \.\n(?:C: QUIT\n)?S: 250 /m;
/** The server hung up at DATA. */
export const GONE = /^C: DATA\n(?:C: QUIT\n)?== close$/m;

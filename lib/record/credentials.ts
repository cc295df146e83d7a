/**
 * What the answers of an AUTH exchange give away: a user, a password or token,
 * and whatever else must not be written down.
 *
 * The rule: an answer itself is a secret, and so is what it decodes to, but for
 * the user's name alone. An answer that is no base64 is taken as it is: then the
 * client did not know better, and it is the password.
 *
 * All texts have a character for each byte.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** What was learnt of one pair of user and password. */
export interface Credentials {
  /** The user's name; `undefined` where it was not said. */
  readonly user: string | undefined;
  /** The password, or token; `undefined` where it was not said. */
  readonly password: string | undefined;
  /** Answers as they were said, but for the user's name alone. */
  readonly answers: readonly string[];
  /** Answers that are a user's name alone. */
  readonly names: readonly string[];
  /** More secrets, such as what an answer proves the password with. */
  readonly proofs: readonly string[];
}

/** Base64 in either alphabet. RFC 4648 sections 4 and 5. */
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** What `echo` adds to what it is given, and a C string has behind it. */
const TRAILING = /[\0\r\n]+$/;

/** The user, as OAuth and SCRAM have it. RFC 5801 section 4. */
const NAME = /^(?:user|a|n)=(.+)/;

/** The token's field. RFC 7628 section 3.1. */
const TOKEN = /^auth=\S+ +(.+)/;

/** What proves the password. RFC 5802 section 7. */
const PROOF = /^p=(.+)/;

/**
 * Learns what was said in one exchange.
 *
 * @param mechanism Its name in capitals, or nothing.
 * @param answers What the client said, in its order.
 */
export function credentialsOf(
  mechanism: string,
  answers: readonly string[],
): Credentials {
  if (mechanism === "LOGIN") return ofLogin(answers);
  const texts = answers.flatMap(readingsOf);
  const proofs = [...texts, ...answers.filter(isPlain)];
  let user: string | undefined;
  let password: string | undefined;
  for (const text of texts) {
    const isTyped = mechanism === "PLAIN" && !text.includes("\0");
    const fields = text.replace(TRAILING, "").split(isTyped ? " " : "\0");
    if (mechanism === "PLAIN" || fields.length > 1) {
      // RFC 4616 section 2; with blanks whoever made it knew no better.
      password ??= fields.at(-1);
      user ??= fields.at(-2);
      proofs.push(fields.at(-1)!);
    } else if (mechanism.startsWith("CRAM-")) {
      const space = text.lastIndexOf(" ");
      user ??= space < 0 ? undefined : text.slice(0, space);
    }
    for (const field of text.split("\x01")) {
      password ??= TOKEN.exec(field)?.[1];
      for (const attribute of field.split(",")) {
        user ??= NAME.exec(attribute)?.[1];
        proofs.push(PROOF.exec(attribute)?.[1] ?? "");
      }
    }
    // "USER PASSWORD" as it is, and the digest of CRAM-MD5.
    if (text.includes(" ")) proofs.push(text.slice(text.lastIndexOf(" ") + 1));
  }
  return { user, password, answers, names: [], proofs };
}

function ofLogin(answers: readonly string[]): Credentials {
  const [name, ...passwords] = answers;
  const user = name === undefined ? undefined : decoded(name);
  const texts = passwords.map((each) => decoded(each).replace(TRAILING, ""));
  const proofs = [
    ...passwords.map(decoded),
    ...texts,
    ...passwords.flatMap(readingsOf),
    ...passwords.filter(isPlain),
  ];
  // Some give both at once, as for PLAIN.
  if (user !== undefined && /[\0 ]/.test(user)) {
    proofs.push(user, user.split(/[\0 ]/).at(-1)!);
  }
  const names = name === undefined || name === user ? [] : [name];
  return { user, password: texts[0], answers: passwords, names, proofs };
}

/** What an answer may mean: with blanks, quotes or too much padding in it too. */
function readingsOf(answer: string): string[] {
  const read = decoded(answer);
  if (BASE64.test(answer)) return [read];
  const words = answer.split(/[^\w+/-]+/).filter((word) => BASE64.test(word));
  const more = [...words, words.join("")].map(decoded);
  return [...new Set([...more.filter((text) => text.includes("\0")), read])];
}

function decoded(answer: string): string {
  if (!BASE64.test(answer)) return answer;
  return Buffer.from(answer, "base64").toString("latin1");
}

/** Whether an answer may be a password as it is: its base64 would be none. */
function isPlain(answer: string): boolean {
  return /[^ -~]/.test(decoded(answer));
}

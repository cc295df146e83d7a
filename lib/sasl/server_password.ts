/**
 * PLAIN, LOGIN and CRAM-MD5, the server's side.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Secret } from "../secret.ts";
import {
  EMPTY,
  type Heard,
  MALFORMED,
  type ServerCourse,
  type ServerVerdict,
} from "./course.ts";
import {
  decodeText,
  encodeText,
  preparePassword,
  prepareUser,
} from "./prepare.ts";
import type { Users } from "./users.ts";

/** What LOGIN asks; some clients know only these words. */
const USERNAME = encodeText("Username:");
const PASSWORD = encodeText("Password:");

/** PLAIN. RFC 4616. */
export async function* servePlain(first: Heard, users: Users): ServerCourse {
  const { response, signal } = first.response === undefined
    ? yield EMPTY
    : first;
  const parts = decodeText(response ?? EMPTY)?.split("\0");
  if (parts?.length !== 3) return MALFORMED;
  const [actAs, user, password] = parts as [string, string, string];
  return await checkPassword(
    { mechanism: "PLAIN", actAs, user, password },
    users,
    signal,
  );
}

/** LOGIN, which no RFC describes; the initial response, where there is one, is the name. */
export async function* serveLogin(first: Heard, users: Users): ServerCourse {
  const name = first.response ?? (yield USERNAME).response;
  const user = decodeText(name ?? EMPTY);
  const { response, signal } = yield PASSWORD;
  const password = decodeText(response ?? EMPTY);
  if (user === undefined || password === undefined) return MALFORMED;
  return await checkPassword(
    { mechanism: "LOGIN", actAs: "", user, password },
    users,
    signal,
  );
}

async function checkPassword(
  said: {
    mechanism: "PLAIN" | "LOGIN";
    actAs: string;
    user: string;
    password: string;
  },
  users: Users,
  signal: AbortSignal,
): Promise<ServerVerdict> {
  const { mechanism } = said;
  const user = prepareUser(said.user);
  const password = preparePassword(said.password);
  if (user === undefined || password === undefined) return MALFORMED;
  // Nobody acts for another here.
  if (said.actAs !== "" && prepareUser(said.actAs) !== user) {
    return { type: "refused", user, problem: "credentials" };
  }
  const login = { mechanism, user, password: new Secret(password) };
  return { ...await users.check(login, signal), user };
}

/** Hexadecimal digits of MD5. */
const DIGEST_CHARS = 32;

/** CRAM-MD5. RFC 2195. */
export async function* serveCramMd5(
  first: Heard,
  users: Users,
  hostname: string,
): ServerCourse {
  // The server speaks first: RFC 4954 section 4 wants this refused.
  if (first.response !== undefined) return MALFORMED;
  const challenge = encodeText(
    `<${randomBytes(16).toString("hex")}@${hostname}>`,
  );
  const { response, signal } = yield challenge;
  const text = decodeText(response ?? EMPTY) ?? "";
  // Names may have spaces in them, the digest has none.
  const space = text.lastIndexOf(" ");
  const user = prepareUser(text.slice(0, Math.max(space, 0)));
  const digest = text.slice(space + 1);
  if (user === undefined || !/^[0-9a-f]*$/i.test(digest)) return MALFORMED;
  if (digest.length !== DIGEST_CHARS) return MALFORMED;
  const known = await users.password({ mechanism: "CRAM-MD5", user }, signal);
  if (known.type === "refused") return { ...known, user };
  const expected = createHmac("md5", known.password.reveal())
    .update(challenge).digest();
  return timingSafeEqual(expected, Buffer.from(digest, "hex"))
    ? { type: "accepted", user }
    : { type: "refused", user, problem: "credentials" };
}

/**
 * XOAUTH2 and OAUTHBEARER (RFC 7628), the server's side.
 *
 * Whether a token holds, the operator's hook decides. A token that does not is
 * answered by a challenge that says so in JSON, which the client acknowledges
 * before it hears the refusal: RFC 7628 section 3.2.3.
 *
 * An OAUTHBEARER response must say who it is ("a="): a token alone is no user.
 *
 * @module
 */

import { Secret } from "../secret.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { EMPTY, type Heard, MALFORMED, type ServerCourse } from "./course.ts";
import {
  decodeText,
  encodeText,
  MAX_TOKEN_BYTES,
  prepareUser,
} from "./prepare.ts";
import { decodeName } from "./scram.ts";
import type { Users } from "./users.ts";

/** RFC 6750 section 2.1: the scheme is compared without regard to case. */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** RFC 7628 section 3.1, with a user. */
const GS2_HEADER = /^[ny],a=([^,]+),$/;

/** What a refused client is told before the refusal. RFC 7628 section 3.2.2. */
const FAILURES = {
  XOAUTH2: encodeText('{"status":"401","schemes":"bearer","scope":""}'),
  OAUTHBEARER: encodeText('{"status":"invalid_token"}'),
};

/** Who shows which token. */
interface Shown {
  readonly user: string | undefined;
  readonly token: string | undefined;
}

/** XOAUTH2, which Google describes. */
export function serveXOAuth2(first: Heard, users: Users): ServerCourse {
  return serve("XOAUTH2", first, users, (text) => {
    const [user, ...pairs] = text.split("\x01");
    return user?.startsWith("user=")
      ? { user: user.slice(5), token: tokenIn(pairs) }
      : undefined;
  });
}

/** OAUTHBEARER. RFC 7628 section 3.1. */
export function serveOAuthBearer(first: Heard, users: Users): ServerCourse {
  return serve("OAUTHBEARER", first, users, (text) => {
    const [header, ...pairs] = text.split("\x01");
    const [, name] = GS2_HEADER.exec(header!) ?? [];
    return name === undefined
      ? undefined
      : { user: decodeName(name), token: tokenIn(pairs) };
  });
}

async function* serve(
  mechanism: SaslMechanism & ("XOAUTH2" | "OAUTHBEARER"),
  first: Heard,
  users: Users,
  parse: (text: string) => Shown | undefined,
): ServerCourse {
  const { response, signal } = first.response === undefined
    ? yield EMPTY
    : first;
  const isUsable = response !== undefined && response.length <= MAX_TOKEN_BYTES;
  const text = isUsable ? decodeText(response) : undefined;
  // Both end with two of them: the last pair's, and the whole's.
  if (!text?.endsWith("\x01\x01")) return MALFORMED;
  const shown = parse(text.slice(0, -2));
  const user = prepareUser(shown?.user ?? "");
  if (user === undefined || shown?.token === undefined) return MALFORMED;
  const login = { mechanism, user, token: new Secret(shown.token) };
  const verdict = { ...await users.check(login, signal), user };
  // A hook's own reply, and "try again later", are to be heard as they are.
  if (
    verdict.type === "refused" && verdict.problem === "credentials" &&
    verdict.reply === undefined
  ) yield FAILURES[mechanism];
  return verdict;
}

/** The bearer token of the one pair "auth". */
function tokenIn(pairs: readonly string[]): string | undefined {
  const auth = pairs.filter((pair) => pair.startsWith("auth="));
  return auth.length === 1 ? BEARER.exec(auth[0]!.slice(5))?.[1] : undefined;
}

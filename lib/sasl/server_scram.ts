/**
 * SCRAM-SHA-256, the server's side: RFC 5802, RFC 7677.
 *
 * No channel binding: "p=" is refused. An unknown user goes through the same
 * steps with a made-up verifier.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { timingSafeEqual } from "node:crypto";
import { EMPTY, type Heard, MALFORMED, type ServerCourse } from "./course.ts";
import { decodeText, encodeText, prepareUser } from "./prepare.ts";
import {
  decodeName,
  isNonce,
  makeNonce,
  MAX_SCRAM_BYTES,
  parseAttributes,
  xor,
} from "./scram.ts";
import type { Users } from "./users.ts";
import { hash, hmac, parseBase64, type Verifier } from "./verifier.ts";

/** RFC 5802 section 7: the client has no channel binding, or thinks we have none. */
const GS2_HEADER = /^[ny],(?:a=([^,]+))?,/;

/**
 * SCRAM-SHA-256.
 *
 * @param ownNonce Our part; given only where a known conversation is repeated
 */
export async function* serveScram(
  first: Heard,
  users: Users,
  ownNonce: string = makeNonce(),
): ServerCourse {
  const { response, signal } = first.response === undefined
    ? yield EMPTY
    : first;
  const hello = parseClientFirst(response);
  if (hello === undefined) return MALFORMED;
  const { user } = hello;
  if (hello.actAs !== undefined && hello.actAs !== user) {
    return { type: "refused", user, problem: "credentials" };
  }
  const known = await users.verifier(
    { mechanism: "SCRAM-SHA-256", user },
    signal,
  );
  if (known.type === "refused") return { ...known, user };
  const { verifier } = known;
  const nonce = hello.nonce + ownNonce;
  const serverFirst = `r=${nonce},s=${encodeBase64(verifier.salt)}` +
    `,i=${verifier.iterations}`;

  const final = parseClientFinal((yield encodeText(serverFirst)).response);
  if (final === undefined || final.nonce !== nonce) return MALFORMED;
  if (final.binding !== encodeBase64(hello.header)) return MALFORMED;
  const authMessage = `${hello.bare},${serverFirst},${final.withoutProof}`;
  if (!isProof(final.proof, verifier, authMessage)) {
    return { type: "refused", user, problem: "credentials" };
  }

  // SMTP has no room for more data in the 235, so the client answers this
  // with an empty line: RFC 4954 section 4.
  const signature = encodeBase64(hmac(verifier.serverKey, authMessage));
  const last = (yield encodeText(`v=${signature}`)).response;
  return last?.length === 0
    ? { type: "accepted", user }
    : { ...MALFORMED, user };
}

/** RFC 5802 section 3: whether the proof is made from the verifier's password. */
function isProof(
  proof: Uint8Array,
  { storedKey }: Verifier,
  authMessage: string,
): boolean {
  const clientKey = xor(proof, hmac(storedKey, authMessage));
  return timingSafeEqual(hash(clientKey), storedKey);
}

function messageOf(bytes: Uint8Array | undefined): string {
  const isUsable = bytes !== undefined && bytes.length <= MAX_SCRAM_BYTES;
  return isUsable ? decodeText(bytes) ?? "" : "";
}

/** RFC 5802 section 7, client-first-message. */
function parseClientFirst(bytes: Uint8Array | undefined):
  | {
    header: string;
    bare: string;
    user: string;
    actAs: string | undefined;
    nonce: string;
  }
  | undefined {
  const text = messageOf(bytes);
  const [header, actAs] = GS2_HEADER.exec(text) ?? [];
  if (header === undefined) return undefined;
  const bare = text.slice(header.length);
  const [name, nonce] = parseAttributes(bare, "nr") ?? [];
  const user = parseName(name);
  if (user === undefined || !isNonce(nonce!)) return undefined;
  const other = parseName(actAs);
  if (actAs !== undefined && other === undefined) return undefined;
  return { header, bare, user, actAs: other, nonce: nonce! };
}

function parseName(text: string | undefined): string | undefined {
  const name = text === undefined ? undefined : decodeName(text);
  return name === undefined ? undefined : prepareUser(name);
}

/** RFC 5802 section 7, client-final-message; the proof comes last. */
function parseClientFinal(bytes: Uint8Array | undefined):
  | { binding: string; nonce: string; withoutProof: string; proof: Uint8Array }
  | undefined {
  const text = messageOf(bytes);
  const at = text.lastIndexOf(",p=");
  const withoutProof = text.slice(0, Math.max(at, 0));
  const [binding, nonce] = parseAttributes(withoutProof, "cr") ?? [];
  const proof = parseBase64(text.slice(at + 3));
  return binding === undefined || proof?.length !== 32
    ? undefined
    : { binding, nonce: nonce!, withoutProof, proof };
}

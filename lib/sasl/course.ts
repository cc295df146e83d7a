/**
 * How the server's side of a mechanism is written: as a course from its first
 * response to its verdict.
 *
 * @module
 */

import type { Reply } from "../engine/reply.ts";
import type { LoginProblem } from "./users.ts";

/** How an exchange ends. */
export type ServerVerdict =
  | {
    /** 235. */
    readonly type: "accepted";
    /** Who the client is. */
    readonly user: string;
  }
  | {
    /** Not accepted: wrong credentials 535, malformed 501, unavailable 454. */
    readonly type: "refused";
    /** Who was tried, as far as it was said; without control characters. */
    readonly user?: string;
    /** Why. */
    readonly problem: LoginProblem;
    /** The hook's own reply, to be said instead of the usual one. */
    readonly reply?: Reply;
  };

/** What the client said, and what ends waiting for those who know the users. */
export interface Heard {
  /** `undefined`: there was no initial response. */
  readonly response: Uint8Array | undefined;
  /** The session's. */
  readonly signal: AbortSignal;
}

/** The course of one mechanism. */
export type ServerCourse = AsyncGenerator<Uint8Array, ServerVerdict, Heard>;

/** The verdict on what no client that knows the mechanism says. */
export const MALFORMED: ServerVerdict = {
  type: "refused",
  problem: "malformed",
};

/** No challenge: the client speaks first. RFC 4954 section 4. */
export const EMPTY: Uint8Array = new Uint8Array(0);

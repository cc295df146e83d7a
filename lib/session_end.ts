/**
 * What a session may end with that is no fault of ours.
 *
 * @module
 */

/** The client and we did not come to terms on TLS. */
export class HandshakeError extends Error {
  /** The class's name. */
  override name = "HandshakeError";
}

/** What a connection fails with whose other end has gone. */
const GONE = [
  Deno.errors.ConnectionReset,
  Deno.errors.ConnectionAborted,
  Deno.errors.BrokenPipe,
  Deno.errors.NotConnected,
  // What TLS says where the client ends TCP without a word.
  Deno.errors.UnexpectedEof,
];

/** Whether `error` says that the client has gone. */
export function isLost(error: unknown): boolean {
  return GONE.some((type) => error instanceof type);
}

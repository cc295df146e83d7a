/**
 * What the recordings' mail servers have in common: each runs in a folder of
 * its own, on a loopback port, in the foreground, and is told the same: it is
 * `relay.example.test`, takes mail for `example.org`, and refuses the addresses
 * below.
 *
 * @module
 */

import type { Child } from "../../../tests/real/support/child.ts";
import { isListening } from "../../../tests/real/support/port.ts";
import { until } from "../../../tests/real/support/wait.ts";

/** A server that runs. */
export interface MailServer {
  /** Its name and version. */
  readonly name: string;
  /** Where it listens on 127.0.0.1. */
  readonly port: number;
}

/** Starts a server for `stack` to end, with `folder` for all it needs. */
export type Start = (
  stack: AsyncDisposableStack,
  folder: string,
) => Promise<MailServer>;

/** The name every server gives itself; Postern has another before them. */
export const SERVER_HOST = "relay.example.test";

/** The name every client gives itself that can be told. */
export const CLIENT_HOST = "client.example.org";

/** What the servers refuse, where they can. */
export const REFUSED = {
  /** As a sender, for good. */
  sender: "blocked@example.org",
  /** As a recipient, for good; everybody outside of `example.org` is too. */
  recipient: "nobody@example.org",
  /** As a recipient, for now. */
  full: "full@example.org",
} as const;

/** The largest message a server takes, in bytes: small, for a small recording. */
export const MAX_MESSAGE_BYTES = 2_000;

/** Who may authenticate, where the server asks. */
export const CREDENTIALS = {
  user: "tester@example.org",
  password: "Wonderful-Wednesday-4711",
  wrongPassword: "Quite-The-Wrong-One-0815",
} as const;

/** Leaves `child` to `stack`, and waits until it listens on `port`. */
export async function listening(
  stack: AsyncDisposableStack,
  child: Child,
  server: MailServer,
): Promise<MailServer> {
  stack.use(child);
  await until(`${server.name} to listen`, () => {
    if (child.status !== undefined) throw new Error(child.output);
    return isListening(server.port);
  });
  return server;
}

/** Makes a folder that every user may enter, and that goes with `stack`. */
export async function folderIn(stack: AsyncDisposableStack): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "postern-software-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  // Daemons leave root's rights behind.
  await Deno.chmod(folder, 0o755);
  return folder;
}

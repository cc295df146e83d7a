/**
 * Loopback ports for servers that can't tell which port the system gave them.
 *
 * Taken below the range from which the system picks the near end of outgoing
 * connections (32768 on Linux), so that no client's port gets in the way
 * between choosing and listening.
 *
 * @module
 */

/** Above the registered services that a test machine may run. */
const FIRST_PORT = 12_000;
const PORTS = 20_000;

/** Tries before giving up; a machine with that many taken is not worth more. */
const TRIES = 200;

/** Ports given out by this process, so that none is given twice. */
const given = new Set<number>();

/** Gives a port of 127.0.0.1 on which nothing listens now. */
export function freePort(): number {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (given.has(port)) continue;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) continue;
      throw error;
    }
    given.add(port);
    return port;
  }
  throw new Error(`Cannot find a free port in ${TRIES} tries`);
}

/** Whether something accepts connections on 127.0.0.1:`port`. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

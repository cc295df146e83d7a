/**
 * What a hop needs to reach a scripted relay without a server around it.
 *
 * @module
 */

import { type Mailbox, parseMailbox } from "../../lib/engine/path.ts";
import type { RcptCommand } from "../../lib/engine/events.ts";
import type { MailParameters } from "../../lib/engine/extensions.ts";
import type { Reply } from "../../lib/engine/reply.ts";
import type { Origin } from "../../lib/hop.ts";
import { Log, memorySink } from "../../lib/log/log.ts";
import type { RelayTrack } from "../../lib/record/relay_track.ts";
import { RelayHop } from "../../lib/relay/hop.ts";
import { RelayPool } from "../../lib/relay/pool.ts";
import type { RelaySettings } from "../../lib/relay/settings.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import type { ScriptedRelay } from "./scripted_relay.ts";

/** Time between two looks at the deadlines, in ms. */
const SWEEP_MS = 10;

/** A pool of connections to a scripted relay. */
export class Relaying implements AsyncDisposable {
  readonly pool: RelayPool;
  readonly #sweep = new Sweep({ intervalMs: SWEEP_MS });
  readonly #log: Log;
  readonly #lines: readonly string[];

  constructor(relay: ScriptedRelay, settings: Partial<RelaySettings> = {}) {
    const complete: RelaySettings = {
      address: { hostname: "127.0.0.1", port: relay.port },
      helloName: "mx.test",
      tls: "off",
      caCerts: [],
      pool: 10,
      readTimeoutMs: 5_000,
      writeTimeoutMs: 5_000,
      ...settings,
    };
    const { signal } = new AbortController();
    this.pool = new RelayPool(complete, { sweep: this.#sweep, signal });
    const sink = memorySink();
    this.#log = new Log({ level: "debug", sink });
    this.#lines = sink.lines;
  }

  /** One message's hop. */
  hop(
    parameters: Partial<MailParameters> = {},
    origin?: Origin,
    track?: RelayTrack,
  ): RelayHop {
    const mail = {
      sender: mailbox("a@example.org"),
      parameters: { smtputf8: false, ...parameters },
      origin,
    };
    return new RelayHop(this.pool, mail, this.#log, track);
  }

  /** What was logged. */
  get log(): string {
    this.#log.flush();
    return this.#lines.join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
    this.#sweep[Symbol.dispose]();
  }
}

/** A parsed address. */
export function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new TypeError(`Cannot parse "${text}"`);
  return parsed.value;
}

/** RCPT for each. */
export function rcpts(...paths: string[]): RcptCommand[] {
  return paths.map((path) => ({
    verb: "RCPT",
    recipient: mailbox(path),
    parameters: {},
  }));
}

/** Brings a hop so far that only the final dot is missing. */
export async function upToDot(hop: RelayHop): Promise<void> {
  await hop.rcpt(rcpts("b@localhost"));
  await hop.data("Received: here\r\n");
  await hop.write(new TextEncoder().encode("Subject: x\r\n\r\ny\r\n"));
}

/** The one verdict of a hop whose relay speaks SMTP. */
export async function finished(hop: RelayHop): Promise<Reply> {
  const verdicts = await hop.finish();
  if (!("code" in verdicts)) throw new TypeError("There are several verdicts");
  return verdicts;
}

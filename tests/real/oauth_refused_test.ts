import { assertEquals, assertMatch } from "@std/assert";
import { parseRelayUrl } from "../../lib/config/address.ts";
import { defaultConfig } from "../../lib/config/load.ts";
import { isPositive } from "../../lib/engine/reply.ts";
import { Log, memorySink } from "../../lib/log/log.ts";
import { RelayHop } from "../../lib/relay/hop.ts";
import { MIN_REFUSED_MS } from "../../lib/relay/kept_secret.ts";
import { oauthToken } from "../../lib/relay/oauth.ts";
import { RelayPool } from "../../lib/relay/pool.ts";
import { readCaCerts, relaySettings } from "../../lib/relays.ts";
import { Secret } from "../../lib/secret.ts";
import { Sweep } from "../../lib/transport/sweep.ts";
import { CA_FILE, type LoginServing } from "../support/login_serving.ts";
import { finished, mailbox, upToDot } from "../support/relaying.ts";
import {
  assertHidden,
  CLIENT_SECRET,
  Issuer,
  relayOf,
  USER,
} from "./support/issuer.ts";

/** A relay's client whose token source has a clock that is moved by hand. */
class Sending implements AsyncDisposable {
  now = 0;
  readonly #pool: RelayPool;
  readonly #sweep = new Sweep({ intervalMs: 20 });
  readonly #log: Log;
  readonly #lines: readonly string[];

  constructor(back: LoginServing, issuer: Issuer) {
    const defaults = defaultConfig({ hostname: "front.test" });
    const config = {
      ...defaults,
      relay: { ...defaults.relay, ca_file: CA_FILE },
    };
    const address = parseRelayUrl(`smtp://localhost:${back.port()}`);
    if (!address.ok) throw new TypeError(address.expected);
    const secret = oauthToken({
      tokenUrl: issuer.url,
      clientId: "postern",
      clientSecret: new Secret(CLIENT_SECRET),
      now: () => this.now,
    });
    const settings = {
      ...relaySettings(config, address.value, readCaCerts(config)),
      tls: "verified" as const,
      pool: 0,
      credentials: { user: USER, secret },
    };
    const { signal } = new AbortController();
    this.#pool = new RelayPool(settings, { sweep: this.#sweep, signal });
    const sink = memorySink();
    this.#log = new Log({ level: "debug", sink });
    this.#lines = sink.lines;
  }

  get log(): string {
    this.#log.flush();
    return this.#lines.join("\n");
  }

  /** Sends one message, on a connection of its own; whether it was taken. */
  async send(): Promise<boolean> {
    const mail = {
      sender: mailbox("a@example.org"),
      parameters: { smtputf8: false },
    };
    const hop = new RelayHop(this.#pool, mail, this.#log);
    try {
      await upToDot(hop);
      return isPositive(await finished(hop));
    } catch {
      await hop.abort();
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
    this.#sweep[Symbol.dispose]();
  }
}

Deno.test("a token that the relay refuses is fetched anew, once for all who wait, and every message goes", async () => {
  await using issuer = new Issuer({ expires_in: 3_600 });
  await using back = await relayOf(issuer);
  await using sending = new Sending(back, issuer);
  assertEquals(await sending.send(), true);
  issuer.good.clear();
  sending.now = MIN_REFUSED_MS;
  // One of the connections hears its refusal when another has the new token.
  const isReplaced = Promise.withResolvers<void>();
  let refusals = 0;
  issuer.judge = async (_user, token) => {
    const isGood = issuer.good.has(token);
    if (isGood) isReplaced.resolve();
    else if (refusals++ === 0) await isReplaced.promise;
    return isGood;
  };
  const taken = await Promise.all(
    Array.from({ length: 12 }, () => sending.send()),
  );
  assertEquals(taken, taken.map(() => true));
  assertEquals(issuer.asked.length, 2);
  assertHidden(issuer.secrets, sending.log, back.log);
});

Deno.test("where the relay refuses each token, a message costs one more of them at most", async () => {
  await using issuer = new Issuer({ expires_in: 3_600 });
  await using back = await relayOf(issuer);
  await using sending = new Sending(back, issuer);
  issuer.good.add = () => issuer.good;
  for (let i = 0; i < 3; i++) assertEquals(await sending.send(), false);
  // All at one moment: the first token stays the only one.
  assertEquals(issuer.asked.length, 1);
  sending.now = MIN_REFUSED_MS;
  assertEquals(await sending.send(), false);
  assertEquals(issuer.asked.length, 2);
  assertMatch(sending.log, /AUTH: 535 5\.7\.8/);
  assertHidden(issuer.secrets, sending.log, back.log);
});

Deno.test("a token that runs out is fetched anew before the relay could refuse it", async () => {
  await using issuer = new Issuer({ expires_in: 120 });
  await using back = await relayOf(issuer);
  await using sending = new Sending(back, issuer);
  assertEquals(await sending.send(), true);
  sending.now = 59_999;
  assertEquals(await sending.send(), true);
  assertEquals(issuer.asked.length, 1);
  sending.now = 60_000;
  assertEquals(await sending.send(), true);
  assertEquals(issuer.asked.length, 2);
  assertEquals(back.logged("login-failed"), []);
});

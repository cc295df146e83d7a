import { assertEquals, assertRejects } from "@std/assert";
import {
  KeptSecret,
  MIN_FAILED_MS,
  MIN_REFUSED_MS,
  type Obtained,
} from "../../lib/relay/kept_secret.ts";
import { SecretError } from "../../lib/sasl/secret_source.ts";
import { Secret } from "../../lib/secret.ts";

const GOES_ON = new AbortController().signal;

/** A source that is asked by hand, with a clock moved by hand. */
class Asked {
  now = 0;
  signals: AbortSignal[] = [];
  answers: ((answer: Obtained | Error) => void)[] = [];
  readonly source: KeptSecret;

  constructor(timeoutMs = 60_000) {
    this.source = new KeptSecret(
      "token",
      (signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<Obtained>();
        this.signals.push(signal);
        signal.addEventListener("abort", () => reject(signal.reason));
        this.answers.push((answer) =>
          answer instanceof Error ? reject(answer) : resolve(answer)
        );
        return promise;
      },
      timeoutMs,
      () => this.now,
    );
  }

  /** Gets the secret, which is asked for now. */
  async get(answer: Obtained | Error): Promise<string> {
    const got = this.source.get(GOES_ON);
    this.answers.at(-1)!(answer);
    return (await got).reveal();
  }

  /** Gets the secret, which is known. */
  async known(): Promise<string> {
    return (await this.source.get(GOES_ON)).reveal();
  }
}

const a = { secret: new Secret("a") };
const b = { secret: new Secret("b") };

Deno.test("KeptSecret keeps a secret for its life, and no longer", async () => {
  const asked = new Asked();
  assertEquals(await asked.get({ ...a, lifeMs: 1_000 }), "a");
  asked.now = 999;
  assertEquals(await asked.known(), "a");
  asked.now = 1_000;
  assertEquals(await asked.get(b), "b");
  asked.now = 1e12;
  assertEquals(await asked.known(), "b");
  assertEquals(asked.signals.length, 2);
});

Deno.test("KeptSecret asks anew after a refusal, but not at once", async () => {
  const asked = new Asked();
  assertEquals(await asked.get(a), "a");
  asked.now = MIN_REFUSED_MS - 1;
  assertEquals(asked.source.refused(a.secret), false);
  assertEquals(await asked.known(), "a");
  asked.now = MIN_REFUSED_MS;
  assertEquals(asked.source.refused(a.secret), true);
  assertEquals(await asked.get(b), "b");
  assertEquals(asked.source.refused(b.secret), false);
});

Deno.test("KeptSecret needs not ask anew where the refused one has been replaced", async () => {
  const asked = new Asked();
  await asked.get(a);
  asked.now = MIN_REFUSED_MS;
  // Three connections were opened with it, and are refused one after another.
  assertEquals(asked.source.refused(a.secret), true);
  assertEquals(asked.source.refused(a.secret), true);
  assertEquals(await asked.get(b), "b");
  assertEquals(asked.source.refused(a.secret), true);
  assertEquals(await asked.known(), "b");
  assertEquals(asked.signals.length, 2);
});

Deno.test("KeptSecret says again what went wrong for a while, without asking", async () => {
  const asked = new Asked();
  const error = new SecretError("down");
  await assertRejects(() => asked.get(error), SecretError, "down");
  asked.now = MIN_FAILED_MS - 1;
  await assertRejects(() => asked.known(), SecretError, "down");
  assertEquals(asked.signals.length, 1);
  asked.now = MIN_FAILED_MS;
  assertEquals(await asked.get(a), "a");
});

Deno.test("KeptSecret asks once for all who wait, and goes on while one does", async () => {
  const asked = new Asked();
  const stop = new AbortController();
  const first = asked.source.get(stop.signal);
  const second = asked.source.get(GOES_ON);
  stop.abort(new Error("gone"));
  await assertRejects(() => first, Error, "gone");
  assertEquals(asked.signals.map(({ aborted }) => aborted), [false]);
  asked.answers[0]!(a);
  assertEquals((await second).reveal(), "a");
});

Deno.test("KeptSecret stops asking when nobody waits, and begins anew for the next", async () => {
  const asked = new Asked();
  const stop = new AbortController();
  const first = asked.source.get(stop.signal);
  stop.abort(new Error("gone"));
  const second = asked.source.get(GOES_ON);
  await assertRejects(() => first, Error, "gone");
  const third = asked.get(a);
  assertEquals([(await second).reveal(), await third], ["a", "a"]);
  const alone = new AbortController();
  asked.now = MIN_REFUSED_MS;
  asked.source.refused(a.secret);
  const fourth = asked.source.get(alone.signal);
  alone.abort(new Error("gone"));
  await assertRejects(() => fourth, Error, "gone");
  assertEquals(asked.signals.at(-1)!.aborted, true);
  // It was given up, which is no failure.
  assertEquals(await asked.get(b), "b");
  await assertRejects(() => asked.source.get(alone.signal), Error, "gone");
});

Deno.test("KeptSecret waits no longer than it may", async () => {
  const asked = new Asked(20);
  await assertRejects(
    () => asked.source.get(GOES_ON),
    SecretError,
    "Cannot get the token in time: expected it within 20 ms",
  );
  assertEquals(asked.signals[0]!.aborted, true);
});

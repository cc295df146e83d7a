import { assertEquals } from "@std/assert";
import type { RcptCommand } from "../lib/engine/events.ts";
import { isPositive, REPLIES, type Reply } from "../lib/engine/reply.ts";
import type { Hop } from "../lib/hop.ts";
import { type HopFinder, Transaction } from "../lib/transaction.ts";
import { rcpts } from "./support/relaying.ts";

const OK: Reply = { code: 250, status: "2.1.5", text: "Fine" };
const NO: Reply = { code: 550, status: "5.1.1", text: "No" };
const LATER: Reply = { code: 451, status: "4.3.0", text: "Later" };

interface Told {
  readonly rcpt?: Reply;
  readonly data?: Reply;
  readonly finish?: Reply | readonly Reply[];
}

/** A hop that does as it is told, and writes down what it is asked. */
class FakeHop implements Hop {
  readonly asked: string[] = [];
  readonly #told: Told;
  readonly name: string;

  constructor(name: string, told: Told = {}) {
    this.name = name;
    this.#told = told;
  }

  rcpt(recipients: readonly RcptCommand[]): Promise<readonly Reply[]> {
    const paths = recipients.map(({ recipient }) => recipient.address);
    this.asked.push(`rcpt ${paths.join(" ")}`);
    const { rcpt = OK } = this.#told;
    return Promise.resolve(
      paths.map((path) => path.includes("bad") ? NO : rcpt),
    );
  }

  data(trace: string): Promise<Reply> {
    this.asked.push(`data ${trace}`);
    return Promise.resolve(this.#told.data ?? REPLIES.start);
  }

  write(piece: Uint8Array): Promise<void> | undefined {
    this.asked.push(`write ${piece.length}`);
    return undefined;
  }

  finish(): Promise<Reply | readonly Reply[]> {
    this.asked.push("finish");
    const { finish = { code: 250, status: "2.0.0", text: this.name } } =
      this.#told;
    return Promise.resolve(finish);
  }

  abort(): Promise<void> {
    this.asked.push("abort");
    return Promise.resolve();
  }
}

const MAIL = { sender: null, parameters: { smtputf8: false } };

/** A transaction in which each domain has the hop of its name. */
function withHops(...hops: FakeHop[]): Transaction {
  return new Transaction(MAIL, finderOf(hops));
}

function overLmtp(hops: FakeHop[]): Transaction {
  return new Transaction(MAIL, finderOf(hops), true);
}

function finderOf(hops: FakeHop[]): HopFinder {
  return ({ recipient: { domain } }) =>
    hops.find(({ name }) => name === domain) ?? REPLIES.relayDenied;
}

Deno.test("rcpt() asks each hop once for its recipients, and keeps the order", async () => {
  const [one, two] = [new FakeHop("one"), new FakeHop("two")];
  const transaction = withHops(one, two);
  const replies = await transaction.rcpt(
    rcpts("a@one", "b@two", "bad@one", "c@elsewhere", "d@two"),
  );
  assertEquals(replies.map(({ code, status }) => `${code} ${status}`), [
    "250 2.1.5",
    "250 2.1.5",
    "550 5.1.1",
    "550 5.7.1",
    "250 2.1.5",
  ]);
  assertEquals(one.asked, ["rcpt a@one bad@one"]);
  assertEquals(two.asked, ["rcpt b@two d@two"]);
  const accepted = transaction.recipients.map(({ recipient }) =>
    recipient.address
  );
  assertEquals(accepted, ["a@one", "b@two", "d@two"]);
});

Deno.test("a message goes to every hop that took a recipient, and to no other", async () => {
  const hops = [new FakeHop("one"), new FakeHop("two", { rcpt: NO })];
  const transaction = withHops(...hops);
  await transaction.rcpt(rcpts("a@one", "b@two"));
  assertEquals(await transaction.data("T"), REPLIES.start);
  await transaction.write(new Uint8Array(3));
  assertEquals((await transaction.finish()).map(({ text }) => text), ["one"]);
  assertEquals(hops.map(({ asked }) => asked.slice(1)), [
    ["data T", "write 3", "finish"],
    ["abort"],
  ]);
});

Deno.test("finish() tells what every hop said", async () => {
  const transaction = withHops(new FakeHop("one"), new FakeHop("two"));
  await transaction.rcpt(rcpts("a@one", "b@two"));
  await transaction.data("");
  assertEquals(await transaction.finish(), [{
    code: 250,
    status: "2.0.0",
    text: ["one", "two"],
  }]);
});

Deno.test("a hop with a verdict for each recipient is content only if all are", async () => {
  const hops = [new FakeHop("one", { finish: [OK, LATER] })];
  const transaction = withHops(...hops);
  await transaction.rcpt(rcpts("a@one", "b@one"));
  await transaction.data("");
  assertEquals(await transaction.finish(), [LATER]);
  assertEquals(transaction.delivered, hops);
});

Deno.test("under LMTP each recipient gets its own verdict, in the order of RCPT", async () => {
  const hops = [
    new FakeHop("one", { finish: [OK, LATER] }),
    new FakeHop("two", { finish: NO }),
    new FakeHop("three", { finish: OK }),
  ];
  const transaction = overLmtp(hops);
  await transaction.rcpt(rcpts("a@one", "b@two", "bad@one", "c@one"));
  await transaction.rcpt(rcpts("d@three", "e@two"));
  await transaction.data("");
  assertEquals(await transaction.finish(), [OK, NO, LATER, OK, NO]);
  assertEquals(transaction.delivered, [hops[0]!, hops[2]!]);
});

Deno.test("a hop that refuses DATA is the answer, and all are given up", async () => {
  const hops = ["one", "two", "three"].map((name) =>
    new FakeHop(name, name === "two" ? { data: LATER } : {})
  );
  const transaction = withHops(...hops);
  await transaction.rcpt(rcpts("a@one", "b@two", "c@three"));
  assertEquals(await transaction.data(""), LATER);
  assertEquals(hops.map(({ asked }) => asked.slice(1)), [
    ["data ", "abort"],
    ["data ", "abort"],
    ["abort"],
  ]);
});

Deno.test("a hop that fails at the end is the answer, and later ones get no dot", async () => {
  const hops = ["one", "two", "three"].map((name) =>
    new FakeHop(name, name === "two" ? { finish: LATER } : {})
  );
  const transaction = withHops(...hops);
  await transaction.rcpt(rcpts("a@one", "b@two", "c@three"));
  await transaction.data("");
  assertEquals(await transaction.finish(), [LATER]);
  assertEquals(hops.map(({ asked }) => asked.includes("finish")), [
    true,
    true,
    false,
  ]);
  assertEquals(hops[2]!.asked.at(-1), "abort");
});

Deno.test("refusal() speaks from the 51st Received: field on", async () => {
  for (const [count, refuses] of [[50, false], [51, true]] as const) {
    const transaction = withHops(new FakeHop("one"));
    await transaction.rcpt(rcpts("a@one"));
    await transaction.data("");
    const header = "Received: by x\r\n".repeat(count);
    await transaction.write(new TextEncoder().encode(`${header}\r\nx\r\n`));
    const refusal = transaction.refusal();
    assertEquals(refusal !== undefined && !isPositive(refusal), refuses);
    if (refuses) assertEquals(refusal, REPLIES.loop);
  }
});

Deno.test("abort() reaches every hop that was asked", async () => {
  const hops = [new FakeHop("one"), new FakeHop("two", { rcpt: NO })];
  const transaction = withHops(...hops);
  await transaction.rcpt(rcpts("a@one", "b@two"));
  await transaction.abort();
  assertEquals(hops.map(({ asked }) => asked.at(-1)), ["abort", "abort"]);
});

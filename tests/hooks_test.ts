import { assertEquals, assertRejects } from "@std/assert";
import { HookCalls, HookError, type Hooks } from "../lib/hooks.ts";
import { HookModuleError, loadHooks } from "../lib/hooks/load.ts";
import { parseHookReply } from "../lib/hooks/reply.ts";

const GOES_ON = new AbortController().signal;
const SESSION = { id: "4F2A91", client: "192.0.2.1", isLocal: true, helo: "x" };

const ask = (vrfy: Hooks["vrfy"], signal = GOES_ON, timeoutMs = 5_000) =>
  new HookCalls({ vrfy: vrfy! }, timeoutMs).vrfy(SESSION, "joe", signal);

const REPLIES: [answer: unknown, reply: unknown][] = [
  ["250 2.1.5 <joe@example.org>", {
    code: 250,
    status: "2.1.5",
    text: "<joe@example.org>",
  }],
  ["550 No", { code: 550, text: "No" }],
  ["450", { code: 450, text: "" }],
  ["450 ", { code: 450, text: "" }],
  ["550 5.1.1", { code: 550, status: "5.1.1", text: "" }],
  ["553 5.1.1 one\r\ntwo\nthree", {
    code: 553,
    status: "5.1.1",
    text: ["one", "two", "three"],
  }],
  [{ code: 421, text: "Bye", close: true, more: 1 }, {
    code: 421,
    text: "Bye",
    close: true,
  }],
  [{ code: 550, status: "5.1.1", text: ["a", "b"] }, {
    code: 550,
    status: "5.1.1",
    text: ["a", "b"],
  }],
  [{ code: 550 }, { code: 550, text: "" }],
  ["", undefined],
  ["No", undefined],
  ["354 Go on", undefined],
  ["150 x", undefined],
  ["650 x", undefined],
  ["2500", undefined],
  [" 250 x", undefined],
  ["550 4.1.1 x", undefined],
  [`550 ${"x\n".repeat(128)}`, undefined],
  [{ code: "550", text: "x" }, undefined],
  [{ code: 550.5, text: "x" }, undefined],
  [{ code: 350, text: "x" }, undefined],
  [{ code: 199, text: "x" }, undefined],
  [{ code: 600, text: "x" }, undefined],
  [{ code: 550, status: "4.1.1", text: "x" }, undefined],
  [{ code: 550, status: "5.1", text: "x" }, undefined],
  [{ code: 550, status: "5.1.1\r\n250", text: "x" }, undefined],
  [{ code: 550, text: 5 }, undefined],
  [{ code: 550, text: [] }, undefined],
  [{ code: 550, text: ["a", 5] }, undefined],
  [[], undefined],
  [5, undefined],
  [null, undefined],
];

for (const [answer, reply] of REPLIES) {
  Deno.test(`parseHookReply() ${reply ? "takes" : "refuses"} ${JSON.stringify(answer).slice(0, 60)}`, () => {
    assertEquals(parseHookReply(answer), reply as undefined);
  });
}

Deno.test("HookCalls.vrfy() gives the hook's reply, at once or later, or nothing", async () => {
  const reply = { code: 250, text: "joe" };
  assertEquals(await ask(() => "250 joe"), reply);
  assertEquals(await ask(() => Promise.resolve(reply)), reply);
  assertEquals(await ask(() => {}), undefined);
  assertEquals(await ask(async () => {}), undefined);
  assertEquals(
    await new HookCalls({}, 1_000).vrfy(SESSION, "joe", GOES_ON),
    undefined,
  );
});

Deno.test("HookCalls tells the hook all it should know, and calls it as a method", async () => {
  const told: unknown[] = [];
  class Operator {
    domain = "example.org";
    vrfy(...args: unknown[]) {
      told.push(...args.slice(0, 2));
      return `250 joe@${this.domain}`;
    }
  }
  const reply = await new HookCalls(new Operator(), 1_000)
    .vrfy(SESSION, "joe", GOES_ON);
  assertEquals(reply, { code: 250, text: "joe@example.org" });
  assertEquals(told, [SESSION, "joe"]);
});

Deno.test("HookCalls says that a hook threw, and what", async () => {
  for (
    const vrfy of [
      () => {
        throw new TypeError("broken");
      },
      () => Promise.reject(new TypeError("broken")),
    ]
  ) {
    const error = await assertRejects(() => ask(vrfy), HookError);
    assertEquals(error.message, 'Hook "vrfy" threw');
    assertEquals((error.cause as Error).message, "broken");
  }
});

Deno.test("HookCalls refuses nonsense", async () => {
  const error = await assertRejects(
    () => ask(() => "Yes" as string),
    HookError,
  );
  assertEquals(
    error.message,
    'Cannot use the answer of hook "vrfy": expected nothing, or a reply as "550 5.7.1 No" with 2xx, 4xx or 5xx',
  );
});

Deno.test("HookCalls waits no longer than it may, and tells the hook", async () => {
  let signal: AbortSignal | undefined;
  const error = await assertRejects(
    () =>
      ask(
        (_session, _text, options) => {
          signal = options.signal;
          return new Promise(() => {});
        },
        GOES_ON,
        20,
      ),
    HookError,
  );
  assertEquals(
    error.message,
    'Hook "vrfy" took too long: expected an answer within 20 ms',
  );
  assertEquals(signal?.aborted, true);
});

Deno.test("HookCalls survives a hook that throws when it is told that it is late", async () => {
  await assertRejects(
    () =>
      ask(
        (_session, _text, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason));
          }),
        GOES_ON,
        20,
      ),
    HookError,
    "took too long",
  );
});

Deno.test("HookCalls ends with the session's reason, and does not begin after it", async () => {
  const stop = new AbortController();
  const asked = ask(() => new Promise(() => {}), stop.signal);
  stop.abort(new Error("gone"));
  await assertRejects(() => asked, Error, "gone");
  let isCalled = false;
  await assertRejects(() =>
    ask(() => {
      isCalled = true;
    }, stop.signal)
  );
  assertEquals(isCalled, false);
});

/** Loads a module of its own. */
async function load(source: string): Promise<Hooks> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/hooks.ts`, source);
    return await loadHooks(`${folder}/hooks.ts`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const MODULES: [what: string, source: string][] = [
  ["a default export", 'export default { vrfy: () => "250 a" as string };'],
  ["named exports", 'export const vrfy = () => "250 a"; export const N = 1;'],
  [
    "an object of a class, with values of its own",
    'class H { n = "a"; vrfy() { return `250 ${this.n}`; } } export default new H();',
  ],
  [
    "a default export beside others",
    'export function help() {} export default { vrfy: () => "250 a" };',
  ],
];

for (const [what, source] of MODULES) {
  Deno.test(`loadHooks() takes ${what}`, async () => {
    const calls = new HookCalls(await load(source), 1_000);
    assertEquals([calls.has("vrfy"), calls.has("auth")], [true, false]);
    const reply = await calls.vrfy(SESSION, "joe", GOES_ON);
    assertEquals(reply, { code: 250, text: "a" });
  });
}

const WRONG: [what: string, source: string, problem: string][] = [
  ["nothing", "", "it exports no hook: expected one of auth, vrfy"],
  [
    "a function",
    "export default () => {};",
    "default export is no object: expected one with auth, vrfy",
  ],
  [
    "a hook that there is not",
    "export default { auht() {} };",
    'no hook is called "auht": expected one of auth, vrfy',
  ],
  [
    "a hook that is no function",
    "export const auth = 5;",
    '"auth" is a number: expected a function',
  ],
  ["a module that throws", 'throw new Error("no database");', "no database"],
  ["what is no program", "export default {", "Cannot load hooks"],
];

for (const [what, source, problem] of WRONG) {
  Deno.test(`loadHooks() refuses ${what}`, async () => {
    await assertRejects(() => load(source), HookModuleError, problem);
  });
}

Deno.test("loadHooks() says which module is not there", async () => {
  await assertRejects(
    () => loadHooks("/nowhere/hooks.ts"),
    HookModuleError,
    'Cannot load hooks "/nowhere/hooks.ts": ',
  );
});

Deno.test("loadHooks() sees what has changed in a module since the last time", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/hooks.ts`;
    const answers = [];
    for (const text of ["250 one", "250 two"]) {
      await Deno.writeTextFile(path, `export const vrfy = () => "${text}";`);
      const calls = new HookCalls(await loadHooks(path), 1_000);
      answers.push((await calls.vrfy(SESSION, "joe", GOES_ON))?.text);
    }
    assertEquals(answers, ["one", "two"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

import { assert, assertEquals } from "@std/assert";
import {
  formatLine,
  type LogFields,
  type LogFormat,
  type LogLevel,
} from "../../lib/log/line.ts";
import { Secret } from "../../lib/secret.ts";

const TIME = "2026-11-24T11:08:26.123Z";

function line(
  fields: LogFields,
  format: LogFormat = "text",
  level: LogLevel = "info",
): string {
  const event = { time: TIME, level, session: "", event: "message", fields };
  return formatLine(event, format);
}

/** What a single field prints as, in text and in JSON. */
function values(value: unknown, key = "value"): [text: string, json: unknown] {
  const text = line({ [key]: value });
  const start = `${TIME} info  message ${key}=`;
  assert(text.startsWith(start), text);
  const json = JSON.parse(line({ [key]: value }, "json"));
  return [text.slice(start.length, -1), json[key]];
}

Deno.test("formatLine() prints time, level, session, event and fields as text", () => {
  const fields = { from: "<a@b.c>", to: 1, size: 1024, last: true };
  const event = { time: TIME, level: "info", session: "4F2A91" } as const;
  assertEquals(
    formatLine({ ...event, event: "message", fields }, "text"),
    `${TIME} info  4F2A91 message from=<a@b.c> to=1 size=1024 last=true\n`,
  );
  assertEquals(
    formatLine({ ...event, event: "quit", fields: undefined }, "text"),
    `${TIME} info  4F2A91 quit\n`,
  );
});

Deno.test("formatLine() prints the same as one JSON object", () => {
  const fields = { from: "<a@b.c>", to: 1, tls: undefined };
  const event = { time: TIME, level: "warn", session: "4F2A91" } as const;
  assertEquals(
    formatLine({ ...event, event: "message", fields }, "json"),
    `{"time":"${TIME}","level":"warn","session":"4F2A91",` +
      `"event":"message","from":"<a@b.c>","to":1}\n`,
  );
  assertEquals(
    line({}, "json"),
    `{"time":"${TIME}","level":"info","event":"message"}\n`,
  );
});

const VALUES: [name: string, value: unknown, text: string, json: unknown][] = [
  ["a bare word as it is", "mx.example.org:25", "mx.example.org:25", undefined],
  ["an empty text in quotes", "", '""', undefined],
  ["a blank in quotes", "a b", '"a b"', undefined],
  ["an equals sign in quotes", "a=b", '"a=b"', undefined],
  ["quotes and backslashes escaped", 'a"\\', '"a\\"\\\\"', undefined],
  ["letters beyond ASCII as they are", "münchen", "münchen", undefined],
  ["CR and LF escaped", "a\r\nb", '"a\\r\\nb"', undefined],
  ["a terminal's escape escaped", "\x1b[2J", '"\\u001b[2J"', undefined],
  ["DEL and C1 escaped", "\x7f\x9b", '"\\u007f\\u009b"', undefined],
  ["a reversed reading order escaped", "a\u202eb", '"a\\u202eb"', undefined],
  ["a line separator escaped", "a\u2028b", '"a\\u2028b"', undefined],
  ["a lone surrogate escaped", "\ud800", '"\\ud800"', undefined],
  ["a tag beyond 16 bits escaped", "\u{e0001}", '"\\udb40\\udc01"', undefined],
  ["a number that is none as text", NaN, "NaN", "NaN"],
  ["a bigint as text", 12n, "12", "12"],
  ["null", null, "null", "null"],
  ["a function by its kind alone", () => "secret", "function", "function"],
  ["bytes by their count", new Uint8Array(3), '"3 bytes"', "3 bytes"],
  ["a list with commas", ["a", 1, true], "a,1,true", "a,1,true"],
  ["a set with commas", new Set(["a", "b"]), "a,b", "a,b"],
  ["a date", new Date(0), "1970-01-01T00:00:00.000Z", undefined],
  ["an object as JSON", { a: 1, b: 2n }, '"{\\"a\\":1,\\"b\\":\\"2\\"}"', null],
  ["a class as it prints itself", { toString: () => "••" }, "••", "••"],
  ["a class by its toJSON()", { toJSON: () => "•• •" }, '"•• •"', "•• •"],
  ["a secret as dots", new Secret("hunter2"), "•••••", "•••••"],
  ["a secret in a list as dots", [new Secret("hunter2")], "•••••", "•••••"],
  [
    "a text of its own with a quote",
    [{ toString: () => '"a' }],
    '"\\"a"',
    '"a',
  ],
  ["a class in a list alike", [{ toString: () => "••" }], "••", "••"],
  [
    "what can't be read",
    { toString: () => ({}).toString.call(fail()) },
    '"unreadable value"',
    "unreadable value",
  ],
];

function fail(): never {
  throw new Error("Not to be seen");
}

for (const [name, value, text, json] of VALUES) {
  Deno.test(`formatLine() prints ${name}`, () => {
    const printed = values(value);
    assertEquals(printed[0], text);
    if (json === null) return;
    assertEquals(
      printed[1],
      json ?? (typeof value === "string" ? value : text),
    );
  });
}

Deno.test("formatLine() keeps one line one line, whatever stands in key and event", () => {
  const odd = "a\nb c=\u001b";
  for (const format of ["text", "json"] as const) {
    const event = {
      time: TIME,
      level: "info",
      session: odd,
      event: odd,
    } as const;
    const printed = formatLine({ ...event, fields: { [odd]: odd } }, format);
    assertEquals(printed.split("\n").length, 2);
    assert(!printed.includes("\u001b"));
    if (format === "json") assertEquals(JSON.parse(printed)[odd], odd);
  }
});

const SECRETS: [key: string, value: unknown][] = [
  ["password", "hunter2"],
  ["relayPassword", 42],
  ["client_secret", { any: "thing" }],
  ["Token", ["hunter2"]],
  ["AUTHORIZATION", new Error("hunter2")],
];

for (const [key, value] of SECRETS) {
  Deno.test(`formatLine() prints dots for the key "${key}"`, () => {
    assertEquals(values(value, key), ["•••••", "•••••"]);
    const inner = values({ deep: { [key]: value } });
    assert(!`${inner}`.includes("hunter2") && `${inner}`.includes("•••••"));
    const broken = line({ [key]: value }, "text", "error");
    assertEquals(broken, `${TIME} error message ${key}=•••••\n`);
  });
}

const CREDENTIALS: [text: unknown, shown: string][] = [
  ["plain://me:p@ss w/rd@mx:587", "plain://me:•••••@mx:587"],
  [new URL("plain://me:hunter2@mx:587"), "plain://me:•••••@mx:587"],
  [["smtp://a:hunter2@b"], "smtp://a:•••••@b"],
  [{ url: "smtp://a:hunter2@b" }, '{"url":"smtp://a:•••••@b"}'],
  ["smtp://mx.example:25", "smtp://mx.example:25"],
  ["me@example.org smtp://mx:25", "me@example.org smtp://mx:25"],
  ["smtp://me@mx", "smtp://me@mx"],
  ["smtp://[::1]:25 me@mx", "smtp://[::1]:25 me@mx"],
  ["smtp://a:25/ smtp://b:hunter2@mx", "smtp://a:•••••@mx"],
];

for (const [text, shown] of CREDENTIALS) {
  Deno.test(`formatLine() shows no password of a URL: ${shown}`, () => {
    assertEquals(values(text)[1], shown);
  });
}

Deno.test("formatLine() shows no password of a URL that an error repeats", () => {
  const error = new TypeError("Invalid URL: 'smtp://me:hunter2@mx:x'");
  const cause = new Error("outer", { cause: error });
  for (const level of ["info", "error"] as const) {
    assert(!line({ error, cause }, "text", level).includes("hunter2"));
  }
});

Deno.test("formatLine() prints an error with its causes, and a stack only for errors", () => {
  const error = new TypeError("no relay", {
    cause: new RangeError("no port", { cause: "a word" }),
  });
  const wanted = "TypeError: no relay; caused by RangeError: no port; " +
    "caused by a word";
  const info = JSON.parse(line({ error }, "json"));
  assertEquals(info.error, wanted);
  assertEquals(info.stack, undefined);
  const broken = JSON.parse(line({ error }, "json", "error"));
  assertEquals(broken.error, wanted);
  assert(/line_test\.ts:\d+:\d+/.test(broken.stack), broken.stack);
  assert(line({ error }, "text", "error").includes(' stack="'));
});

Deno.test("formatLine() cuts long values, and never a character in two", () => {
  assertEquals(values("a".repeat(512))[1], "a".repeat(512));
  assertEquals(values("a".repeat(513))[1], "a".repeat(512) + "…");
  assertEquals(values("a".repeat(511) + "😀")[1], "a".repeat(511) + "…");
});

Deno.test("formatLine() stays small and quick, whatever the value", () => {
  const ring: unknown[] = [];
  for (let i = 0; i < 100; i++) ring.push(ring);
  const wheel = new Error("wheel");
  wheel.cause = Array(100).fill(wheel);
  const self = new Error("self");
  self.cause = self;
  const deep: Record<string, unknown> = {};
  for (let i = 0; i < 1_000; i++) deep[`k${i}`] = deep;
  const all = {
    ring,
    wheel,
    self,
    deep,
    list: Array(1e5).fill("x".repeat(99)),
  };
  for (const format of ["text", "json"] as const) {
    for (const [key, value] of Object.entries(all)) {
      const printed = line({ [key]: value }, format, "error");
      assert(printed.length < 20_000, `${key}: ${printed.length}`);
    }
  }
});

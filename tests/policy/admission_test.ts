import { assertEquals, assertThrows } from "@std/assert";
import { Admission } from "../../lib/policy/admission.ts";

Deno.test("admit() says which limit is reached, the common one first", () => {
  const admission = new Admission({ sessions: 3, sessionsPerClient: 2 });
  assertEquals(admission.admit("192.0.2.1"), "ok");
  assertEquals(admission.admit("192.0.2.1"), "ok");
  assertEquals(admission.admit("192.0.2.1"), "client");
  assertEquals(admission.admit("192.0.2.2"), "ok");
  assertEquals(admission.admit("192.0.2.1"), "sessions");
  assertEquals(admission.sessions, 3);
});

const SAME: [one: string, other: string, same: boolean][] = [
  ["192.0.2.1", "192.0.2.1", true],
  ["192.0.2.1", "::ffff:192.0.2.1", true],
  ["192.0.2.1", "192.0.2.2", false],
  ["2001:db8::1", "2001:db8:0:0:ffff::1", true],
  ["2001:db8::1", "2001:db8:0:1::1", false],
  ["2001:db8::1", "2001:0DB8::2", true],
];

for (const [one, other, same] of SAME) {
  const verb = same ? "counts" : "does not count";
  Deno.test(`admit() ${verb} ${one} and ${other} as one client`, () => {
    const admission = new Admission({ sessions: 9, sessionsPerClient: 1 });
    admission.admit(one);
    assertEquals(admission.admit(other), same ? "client" : "ok");
  });
}

Deno.test("admit() counts peers on a Unix socket into the total only", () => {
  const admission = new Admission({ sessions: 3, sessionsPerClient: 1 });
  assertEquals(["", "", "", ""].map((peer) => admission.admit(peer)), [
    "ok",
    "ok",
    "ok",
    "sessions",
  ]);
  admission.leave("");
  assertEquals(admission.sessions, 2);
  assertEquals(admission.clients, 0);
});

Deno.test("leave() makes room, and forgets a client without sessions", () => {
  const admission = new Admission({ sessions: 9, sessionsPerClient: 2 });
  admission.admit("2001:db8::1");
  admission.admit("2001:db8::2");
  assertEquals(admission.clients, 1);
  admission.leave("2001:db8::2");
  assertEquals(admission.admit("2001:db8::3"), "ok");
  admission.leave("2001:db8::1");
  admission.leave("2001:db8::3");
  assertEquals([admission.sessions, admission.clients], [0, 0]);
});

Deno.test("admit() does not count a client that it refuses", () => {
  const admission = new Admission({ sessions: 1, sessionsPerClient: 1 });
  admission.admit("192.0.2.1");
  admission.admit("192.0.2.2");
  assertEquals([admission.sessions, admission.clients], [1, 1]);
});

Deno.test("leave() throws for a client that was not admitted", () => {
  const admission = new Admission({ sessions: 9, sessionsPerClient: 9 });
  admission.admit("192.0.2.1");
  const said = 'Cannot count out "192.0.2.2": expected an admitted client';
  assertThrows(() => admission.leave("192.0.2.2"), RangeError, said);
  assertEquals(admission.sessions, 1);
});

Deno.test("change() holds for clients to come, and turns nobody out", () => {
  const admission = new Admission({ sessions: 9, sessionsPerClient: Infinity });
  for (let i = 0; i < 3; i++) admission.admit("192.0.2.1");
  admission.change({ sessions: 2, sessionsPerClient: 1 });
  assertEquals(admission.sessions, 3);
  admission.leave("192.0.2.1");
  assertEquals(admission.admit("192.0.2.2"), "sessions");
  admission.leave("192.0.2.1");
  assertEquals(admission.admit("192.0.2.1"), "client");
  assertEquals(admission.admit("192.0.2.2"), "ok");
});

import { assertEquals } from "@std/assert";
import { isLost } from "../lib/session_end.ts";

const { errors } = Deno;

Deno.test("isLost() tells a client that has gone, however the runtime says it, from a fault of ours", () => {
  const lost = [
    errors.ConnectionReset,
    errors.ConnectionAborted,
    errors.BrokenPipe,
    errors.NotConnected,
    errors.UnexpectedEof,
  ];
  assertEquals(lost.map((type) => isLost(new type())), lost.map(() => true));
  const ours = [new TypeError(), new errors.NotFound(), new Error(), undefined];
  assertEquals(ours.map(isLost), ours.map(() => false));
});

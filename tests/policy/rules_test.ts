import { assert, assertEquals } from "@std/assert";
import { parseForwardPath } from "../../lib/engine/path.ts";
import { RelayTable } from "../../lib/policy/relay_table.ts";
import { type Route, routeOf } from "../../lib/policy/rules.ts";

const OWN = { domain: "own.test", hostname: "mx.lan", port: 2525 };

const TABLE = new RelayTable([{ domain: "here.test" }, OWN]);

/** Where a recipient goes, for a foreign client and for a local one. */
const CASES: [recipient: string, foreign: Route, local: Route][] = [
  ["<a@here.test>", "default", "default"],
  ["<a@sub.here.test>", "default", "default"],
  ["<a@own.test>", OWN, OWN],
  ["<a@far.test>", "denied", "default"],
  ["<postmaster>", "default", "default"],
  ["<@here.test:a@far.test>", "denied", "default"],
  ["<a%far.test@here.test>", "denied", "default"],
  ["<far.test!a@here.test>", "denied", "default"],
  ['<"a@far.test"@here.test>', "denied", "default"],
  ['<"a\\@far.test"@own.test>', "denied", OWN],
  ["<a\uff20far.test@here.test>", "denied", "default"],
  ["<a\uff05far.test@here.test>", "denied", "default"],
  ["<\u00e4@here.test>", "default", "default"],
];

for (const [recipient, foreign, local] of CASES) {
  Deno.test(`routeOf() finds the way of ${recipient}`, () => {
    const parsed = parseForwardPath(recipient);
    assert(parsed.ok);
    const { path } = parsed.value;
    assertEquals(
      routeOf(path, { table: TABLE, clientIsLocal: false }),
      foreign,
    );
    assertEquals(routeOf(path, { table: TABLE, clientIsLocal: true }), local);
  });
}

import { assertEquals } from "@std/assert";
import { RelayTable } from "../../lib/policy/relay_table.ts";

const CASES: [name: string, domain: string, found: string | undefined][] = [
  ["the domain itself", "b.c", "b.c"],
  ["a subdomain", "a.b.c", "b.c"],
  ["a subdomain of a subdomain", "z.a.b.c", "b.c"],
  ["without regard to case", "A.B.C", "b.c"],
  ["the most specific entry", "y.special.b.c", "special.b.c"],
  ["an entry given in upper case", "www.upper.example", "upper.example"],
  ["an address literal", "[127.0.0.1]", "[127.0.0.1]"],
  ["an IPv6 literal in any case", "[ipv6:2001:DB8::1]", "[ipv6:2001:db8::1]"],
  ["a U-label under its A-label", "mx.MÜLLER.example", "xn--mller-kva.example"],
  [
    "an A-label under its U-label",
    "xn--caf-dma.example",
    "xn--caf-dma.example",
  ],
  ["no name that only ends alike", "xb.c", undefined],
  ["no parent", "c", undefined],
  ["no other literal", "[1.127.0.0.1]", undefined],
  ["no literal under a domain's entry", "[x.b.c", undefined],
  ["no domain below a literal", "a.[127.0.0.1]", undefined],
  ["nothing for an empty domain", "", undefined],
  ["nothing for a lone dot", ".", undefined],
];

for (const [name, domain, found] of CASES) {
  Deno.test(`find() finds ${name}: "${domain}"`, () => {
    const table = new RelayTable([
      { domain: "b.c" },
      { domain: "special.b.c", hostname: "mx.lan", port: 2525 },
      { domain: "Upper.Example" },
      { domain: "[127.0.0.1]" },
      { domain: "[IPv6:2001:db8::1]" },
      { domain: "xn--mller-kva.example" },
      { domain: "café.example" },
    ]);
    assertEquals(table.find(domain)?.domain, found);
  });
}

Deno.test("find() agrees with a look at every entry, for all short names", () => {
  const names = ["a", "b", "ab", "a.b", "b.a", "a.b.a", "ab.a", "a.ab.b"];
  for (let chosen = 0; chosen < 2 ** names.length; chosen++) {
    const held = names.filter((_, i) => chosen & 1 << i);
    const table = new RelayTable(held.map((domain) => ({ domain })));
    for (const asked of [...names, "x.a.b.a", "b.b", "aab.a", "x.a.ab.b"]) {
      const wanted = held
        .filter((domain) => `.${asked}`.endsWith(`.${domain}`))
        .sort((a, b) => b.length - a.length)[0];
      assertEquals(table.find(asked)?.domain, wanted, `${asked} in ${held}`);
    }
  }
});

Deno.test("find() gives hostname and port as they were entered", () => {
  const entry = { domain: "example.org", hostname: "MX.Lan", port: 2525 };
  assertEquals(new RelayTable([entry]).find("example.org"), entry);
});

Deno.test("add() replaces the entry of the same domain", () => {
  const table = new RelayTable([{ domain: "a.example", hostname: "old.lan" }]);
  table.add({ domain: "A.example", hostname: "new.lan" });
  assertEquals(table.entries(), [{ domain: "a.example", hostname: "new.lan" }]);
});

Deno.test("delete() takes exactly that entry, and says whether it was there", () => {
  const table = new RelayTable([{ domain: "b.c" }, { domain: "a.b.c" }]);
  assertEquals(table.delete("x.b.c"), false);
  assertEquals(table.delete("A.B.C"), true);
  assertEquals(table.delete("a.b.c"), false);
  assertEquals(table.find("a.b.c")?.domain, "b.c");
});

Deno.test("set() replaces the list, also by its own entries", () => {
  const table = new RelayTable([{ domain: "old.example" }]);
  table.set([{ domain: "new.example" }]);
  table.set(table.entries());
  assertEquals(table.entries(), [{ domain: "new.example" }]);
  assertEquals(table.find("old.example"), undefined);
});

Deno.test("clear() leaves a table that finds nothing and can be filled", () => {
  const table = new RelayTable([{ domain: "a.example" }]);
  table.clear();
  assertEquals(table.find("a.example"), undefined);
  table.add({ domain: "a.example" });
  assertEquals(table.find("x.a.example")?.domain, "a.example");
});

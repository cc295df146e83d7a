import { assert, assertEquals, assertThrows } from "@std/assert";
import { Networks, parseNetwork } from "../../lib/policy/networks.ts";

function listOf(...texts: string[]): Networks {
  const networks = new Networks();
  for (const text of texts) {
    const parsed = parseNetwork(text);
    assert(parsed.ok, text);
    networks.add(parsed.value);
  }
  return networks;
}

const FORMS: [text: string, normal: string][] = [
  ["1.2.3.4", "1.2.3.4"],
  ["1.2.3.4/32", "1.2.3.4"],
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["10.9.8.7/8", "10.0.0.0/8"],
  ["10.0.0.0/255.0.0.0", "10.0.0.0/8"],
  ["192.168.1.130/255.255.255.128", "192.168.1.128/25"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["0.0.0.0/0.0.0.0", "0.0.0.0/0"],
  ["::1", "::1"],
  ["::1/128", "::1"],
  ["::/0", "::/0"],
  ["2001:DB8:0:0::/32", "2001:db8::/32"],
  ["2001:db8:ffff::/33", "2001:db8:8000::/33"],
  ["::ffff:127.0.0.1", "127.0.0.1"],
  ["::FFFF:7f00:1", "127.0.0.1"],
  ["0:0:0:0:0:ffff:127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
  ["::ffff:0:0/96", "0.0.0.0/0"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
  ["localhost", "localhost"],
  ["Mail.Example.ORG", "mail.example.org"],
  ["1a.example", "1a.example"],
];

for (const [text, normal] of FORMS) {
  Deno.test(`parseNetwork() reads "${text}" as "${normal}"`, () => {
    const parsed = parseNetwork(text);
    assert(parsed.ok);
    assertEquals(parsed.value.text, normal);
    const again = parseNetwork(normal);
    assert(again.ok);
    assertEquals(again.value, parsed.value);
  });
}

const ANY = "an IP address, a network or a host name";
const FOUR = "a prefix length from 0 to 32 or a mask such as 255.0.0.0";
const REFUSED: [text: string, at: number, expected: string][] = [
  ["", 0, ANY],
  [" 1.2.3.4", 0, ANY],
  ["1.2.3", 0, ANY],
  ["1.2.3.4.5", 0, ANY],
  ["256.1.1.1", 0, ANY],
  ["0300.1", 0, ANY],
  ["010.0.0.1", 0, ANY],
  ["0x7f.0.0.1", 0, ANY],
  ["[::1]", 0, ANY],
  ["1::2::3", 0, ANY],
  ["::ffff:010.0.0.1", 0, ANY],
  ["-a.example", 0, ANY],
  ["a..example", 0, ANY],
  ["a_b.example", 0, ANY],
  [`${"a.".repeat(130)}example`, 0, ANY],
  ["localhost/8", 0, 'an IP address before "/"'],
  ["/8", 0, 'an IP address before "/"'],
  ["10.0.0.0/33", 9, FOUR],
  ["10.0.0.0/", 9, FOUR],
  ["10.0.0.0/-1", 9, FOUR],
  ["10.0.0.0/8/8", 9, FOUR],
  ["10.0.0.0/255.0.0", 9, FOUR],
  ["10.0.0.0/255.0.255.0", 9, "a mask of ones followed by zeros"],
  ["::1/129", 4, "a prefix length from 0 to 128"],
  ["::1/255.0.0.0", 4, "a prefix length from 0 to 128"],
  ["::ffff:10.0.0.0/8", 16, "a prefix length from 96 to 128"],
  ["fe80::1%eth0", 7, 'an address without a zone ("%")'],
];

for (const [text, at, expected] of REFUSED) {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  Deno.test(`parseNetwork() refuses "${shown}", and says where`, () => {
    assertEquals(parseNetwork(text), { ok: false, at, expected });
  });
}

const QUESTIONS: [list: string[], address: string, inside: boolean][] = [
  [["127.0.0.1"], "127.0.0.1", true],
  [["127.0.0.1"], "::ffff:127.0.0.1", true],
  [["127.0.0.1"], "::ffff:7f00:1", true],
  [["::ffff:127.0.0.1"], "127.0.0.1", true],
  [["127.0.0.1"], "::ffff:127.0.0.1%eth0", true],
  [["127.0.0.1"], "::ffff:0:127.0.0.1", false],
  [["127.0.0.1"], "::ffff:127.0.0.01", false],
  [["127.0.0.1"], "::127.0.0.1", false],
  [["127.0.0.1"], "127.0.0.2", false],
  [["127.0.0.1"], "::1", false],
  [["10.0.0.0/8"], "10.255.255.255", true],
  [["10.0.0.0/8"], "11.0.0.0", false],
  [["10.0.0.0/255.0.0.0"], "10.1.2.3", true],
  [["192.168.1.128/25"], "192.168.1.128", true],
  [["192.168.1.128/25"], "192.168.1.127", false],
  [["255.255.255.255"], "255.255.255.255", true],
  [["0.0.0.0/0"], "203.0.113.9", true],
  [["0.0.0.0/0"], "2001:db8::1", false],
  [["::/0"], "2001:db8::1", true],
  [["::/0"], "203.0.113.9", false],
  [["::/0"], "::ffff:203.0.113.9", false],
  [["::1/128"], "0:0:0:0:0:0:0:1", true],
  [["2001:db8::/33"], "2001:db8:7fff::1", true],
  [["2001:db8::/33"], "2001:db8:8000::1", false],
  [["fe80::/10"], "fe80::1%eth0", true],
  [["1.2.3.4", "10.0.0.0/8", "::1"], "::1", true],
  [["10.0.0.0/8"], "", false],
  [["10.0.0.0/8"], "10.1", false],
  [["10.0.0.0/8"], "10.0.0.01", false],
  [["::/0"], `${"0".repeat(1_000)}::1`, false],
  [[], "127.0.0.1", false],
];

for (const [list, address, inside] of QUESTIONS) {
  const shown = address.slice(0, 40);
  Deno.test(`contains() is ${inside} for "${shown}" in [${list}]`, () => {
    assertEquals(listOf(...list).contains(address), inside);
  });
}

Deno.test("contains() is right on both sides of every prefix's border", () => {
  for (let prefix = 1; prefix <= 32; prefix++) {
    const list = listOf(`170.85.170.85/${prefix}`);
    for (let bit = 0; bit < 32; bit++) {
      const flipped = (0xaa55aa55 ^ 1 << 31 - bit) >>> 0;
      const address = [24, 16, 8, 0].map((by) => flipped >>> by & 255).join(
        ".",
      );
      assertEquals(
        list.contains(address),
        bit >= prefix,
        `${address}/${prefix}`,
      );
    }
  }
});

Deno.test("add() takes a host name's addresses, and new ones in their place", () => {
  const networks = new Networks();
  const host = { kind: "host", text: "mail.example" } as const;
  networks.add(host, ["192.0.2.1", "2001:db8::1"]);
  assert(networks.contains("192.0.2.1") && networks.contains("2001:db8::1"));
  networks.add(host, ["192.0.2.2"]);
  assert(networks.contains("192.0.2.2") && !networks.contains("192.0.2.1"));
  assertEquals(networks.entries(), [
    { member: host, addresses: ["192.0.2.2"] },
  ]);
});

Deno.test("add() and set() refuse an unreadable address and change nothing", () => {
  const networks = listOf("10.0.0.0/8");
  const before = networks.entries();
  const member = { kind: "host", text: "mail.example" } as const;
  const addresses = ["192.0.2.1", "lots"];
  const said = 'Cannot parse address "lots": expected an IP address';
  assertThrows(() => networks.add(member, addresses), TypeError, said);
  assertThrows(() => networks.set([{ member, addresses }]), TypeError, said);
  assertEquals(networks.entries(), before);
  assert(!networks.contains("192.0.2.1") && networks.contains("10.0.0.1"));
});

Deno.test("delete() takes any form of a member, and says whether it was there", () => {
  const networks = listOf("10.0.0.0/8", "127.0.0.1");
  assertEquals(networks.delete("10.0.0.0/255.0.0.0"), true);
  assertEquals(networks.delete("10.0.0.0/8"), false);
  assertEquals(networks.delete("10.0.0.0/x"), false);
  assertEquals(networks.contains("10.0.0.1"), false);
  assertEquals(networks.delete("::ffff:127.0.0.1"), true);
  assertEquals(networks.entries(), []);
});

Deno.test("delete() leaves an address that another member stands for", () => {
  const networks = listOf("127.0.0.1");
  networks.add({ kind: "host", text: "localhost" }, ["127.0.0.1", "::1"]);
  networks.delete("localhost");
  assert(networks.contains("127.0.0.1") && !networks.contains("::1"));
});

Deno.test("set() and clear() replace the whole list", () => {
  const networks = listOf("10.0.0.0/8");
  networks.set(listOf("192.0.2.0/24").entries());
  assert(networks.contains("192.0.2.9") && !networks.contains("10.0.0.1"));
  networks.clear();
  assertEquals(networks.entries(), []);
  assert(!networks.contains("192.0.2.9"));
});

import { assert, assertEquals } from "@std/assert";
import {
  formatTlsVersions,
  parseTlsVersions,
  type TlsVersions,
} from "../../lib/config/tls_versions.ts";

const VERSIONS: [text: string, want: TlsVersions][] = [
  ["", {}],
  ["TLSv1.2 TLSv1.3", {}],
  ["TLSv1.3,TLSv1.2", {}],
  [">=TLSv1.2", {}],
  ["<=TLSv1.3", {}],
  ["!SSLv2:!SSLv3:!TLSv1:!TLSv1.0:!TLSv1.1", {}],
  ["-SSLv3", {}],
  ["TLSv1.3", { min: "TLSv1.3" }],
  [">=TLSv1.3", { min: "TLSv1.3" }],
  ["!tlsv1.2", { min: "TLSv1.3" }],
  ["TLSv1.2, TLSv1.3, !TLSv1.2", { min: "TLSv1.3" }],
  ["TLSv1.2", { max: "TLSv1.2" }],
  ["<=TLSv1.2", { max: "TLSv1.2" }],
  [" !TLSv1.3 ", { max: "TLSv1.2" }],
];

Deno.test("parseTlsVersions() reads names, bounds and exclusions, and formatTlsVersions() writes what it reads", () => {
  for (const [text, value] of VERSIONS) {
    assertEquals(parseTlsVersions(text), { ok: true, value }, text);
    const again = parseTlsVersions(formatTlsVersions(value));
    assertEquals(again, { ok: true, value }, text);
  }
});

const REFUSED: [text: string, at: number, expected: RegExp][] = [
  ["TLSv1", 0, /older ones are not spoken/],
  ["TLSv1.2 TLSv1.1", 8, /older ones are not spoken/],
  [">=TLSv1", 0, /older ones are not spoken/],
  ["<=SSLv3", 0, /older ones are not spoken/],
  ["TLSv1.4", 0, /a bound such as/],
  ["!TLSv1.4", 0, /a bound such as/],
  ["TLS1.2", 0, /a bound such as/],
  [">TLSv1.2", 0, /a bound such as/],
  ["TLSv1.2;TLSv1.3", 0, /a bound such as/],
  ["!TLSv1.2 !TLSv1.3", 0, /to be left/],
  ["<=TLSv1.2, >=TLSv1.3", 0, /to be left/],
  ["TLSv1.3 !TLSv1.3", 0, /to be left/],
];

Deno.test("parseTlsVersions() refuses what is not spoken, and says where", () => {
  for (const [text, at, expected] of REFUSED) {
    const parsed = parseTlsVersions(text);
    assert(!parsed.ok, text);
    assert(expected.test(parsed.expected), `${text}: ${parsed.expected}`);
    assertEquals(parsed.at, at, text);
  }
});

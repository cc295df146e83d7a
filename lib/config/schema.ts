/**
 * The one table of configuration keys. Types, checks, `config print`, `config explain` and `docs/config.md` all come from it.
 *
 * A key that a later version is to have stands here too, marked `notYet`: the loader takes its default and refuses any other
 * value. The rows themselves are in the other schema files. A section of {@linkcode TABLES} is there once for each `[[table]]`: a
 * row such as `listener.url` stands for `listener[0].url`, `listener[1].url` and so on.
 *
 * @module
 */
import type { Key } from "./key.ts";
import { LIMIT_KEYS } from "./schema_limits.ts";
import { RELAY_KEYS } from "./schema_relay.ts";
import { SERVER_KEYS } from "./schema_server.ts";
import { SERVICE_KEYS } from "./schema_services.ts";

/** Every key by its full name; within a section in the order in which it is printed. */
export const SCHEMA: ReadonlyMap<string, Key> = new Map(
  Object.entries<Key>({
    ...SERVER_KEYS,
    ...RELAY_KEYS,
    ...LIMIT_KEYS,
    ...SERVICE_KEYS,
  }),
);

/** What each section is for, in the order in which it is printed. */
export const SECTIONS: ReadonlyMap<string, string> = new Map(Object.entries({
  server: "Who the server is and where it listens.",
  listener:
    "The long form of `server.listen`: one `[[listener]]` for each address that has settings of its own.",
  relay: "Where accepted messages go, and for which domains.",
  local: "Who may send to anywhere.",
  limits: "What one client, one message and one wait may take.",
  flags: "What every session starts with.",
  delivery: "Where messages for recipients that are not relayed are stored.",
  log: "What is reported while the server runs.",
  tls: "Certificate and protocol settings for STARTTLS and smtps.",
  auth: "Who may log in.",
  hooks: "The operator's own code.",
  dns: "How names are looked up.",
  "scan.spamd": "SpamAssassin.",
  "scan.clamd": "ClamAV.",
  "scan.dspam": "DSPAM.",
  "scan.sssp": "Sophos, over the SAVDI daemon.",
  "scan.rspamd": "rspamd.",
  send_log: "One line for each message that was handed on.",
  control: "How the command line reaches the running server.",
  record: "Transcripts of sessions.",
}));

/** The sections that are arrays of tables. */
export const TABLES: ReadonlySet<string> = new Set(["listener"]);

/** The row of a key, which in a `[[table]]` has an index: `listener[2].url`. */
export function rowOf(key: string): Key | undefined {
  return SCHEMA.get(key.replace(/\[\d+\]/, ""));
}

/** The section of a key: all but its last part. */
export function sectionOf(key: string): string {
  return key.slice(0, key.lastIndexOf("."));
}

/** The keys of a section, without those of sections inside it. */
export function keysOf(section: string): [key: string, row: Key][] {
  return [...SCHEMA].filter(([key]) => sectionOf(key) === section);
}

/** Whether a name is a section, or the part of sections' names before a dot. */
export function isSection(name: string): boolean {
  return SECTIONS.has(name) ||
    [...SECTIONS.keys()].some((section) => section.startsWith(`${name}.`));
}

/** Longest name that is compared with the known ones: no known name is half as long. */
const MAX_NAME_LENGTH = 64;

/** The number of letters to insert, delete or replace to make one text the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/**
 * The known key or section that an unknown name is most likely a slip for.
 *
 * @param name The name as written, with its section.
 * @returns The full name: one that differs by few letters, or the only one called so in another section.
 */
export function nearestKey(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH) return undefined;
  const last = name.slice(name.lastIndexOf(".") + 1);
  const known = [...SCHEMA.keys(), ...SECTIONS.keys()];
  // A third of the letters of the last part may be wrong; more is another word.
  const bound = Math.max(1, Math.floor(last.length / 3));
  const [best] = known
    .map((key) => ({ key, distance: editDistance(name.toLowerCase(), key) }))
    .filter(({ distance }) => distance <= bound)
    .sort((a, b) => a.distance - b.distance);
  if (best !== undefined) return best.key;
  const elsewhere = known.filter((key) => key.endsWith(`.${last}`));
  return elsewhere.length === 1 ? elsewhere[0] : undefined;
}

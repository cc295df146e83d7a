/**
 * What the table of keys says, printed for readers: `config explain`, `docs/config.md`, and the types in config.ts.
 *
 * @module
 */
import {
  isSection,
  keysOf,
  SCHEMA,
  sectionOf,
  SECTIONS,
  TABLES,
} from "./schema.ts";
import type { Key } from "./key.ts";
import { formatBounds, quote, VALUE_TYPES } from "./value.ts";

/** What a key can be, in words: form, choices, bounds. */
function describeType(row: Key): string {
  const choices = row.choices?.map(quote).join(", ");
  const form = choices === undefined
    ? VALUE_TYPES[row.type].form
    : `${VALUE_TYPES[row.type].form} ${choices}`;
  const bounds = formatBounds(row);
  return `${row.list ? "list: " : ""}${form}${
    bounds === "" ? "" : `; ${bounds}`
  }`;
}

function describeDefault(row: Key): string {
  return row.computed ??
    (row.required ? "none, it has to be set" : JSON.stringify(row.default));
}

/**
 * Explains a key, the keys of a section, or all of them.
 *
 * @param name Full name of a key or section; absent: all.
 * @returns Lines of text for a terminal, or `undefined` for a name that is neither.
 */
export function explainConfig(name?: string): string | undefined {
  if (name !== undefined && !SCHEMA.has(name) && !isSection(name)) {
    return undefined;
  }
  const isWanted = (key: string) =>
    name === undefined || key === name || key.startsWith(`${name}.`);
  const rows = [...SECTIONS.keys()].flatMap(keysOf);
  return rows.filter(([key]) => isWanted(key)).map(([key, row]) => {
    const lines = [
      `${key}${row.notYet ? " (not yet in this version)" : ""}`,
      `  ${row.meaning}`,
      `  Type:    ${describeType(row)}`,
      `  Default: ${describeDefault(row)}`,
    ];
    if (row.later !== undefined) {
      lines.push(
        `  Later:   ${
          row.later.map(quote).join(", ")
        } (not yet in this version)`,
      );
    }
    if (row.option !== undefined) lines.push(`  Option:  ${row.option}`);
    return `${lines.join("\n")}\n`;
  }).join("\n");
}

/** What stands above the keys in `docs/config.md`. */
const MARKDOWN_HEAD = `# Configuration

TOML. Postern reads the file given with \`-c\`, else \`./postern.toml\`, else it uses the defaults below. \`postern config check\`
names every error with file, line and column, \`postern config print\` prints the whole configuration with its defaults, and
\`postern config explain KEY\` says what stands here.

- Sizes are numbers of bytes, or strings with B, KiB, MiB or GiB: \`"10MiB"\`.
- Durations are numbers of seconds, or strings with ms, s, m or h: \`"5m"\`.
- \`\${env:NAME}\` in a string is replaced by an environment variable, which must be set. It is put in as it is: in a URL its
  special characters have to be percent-encoded already.
- Paths are relative to the directory that Postern was started in.
- Keys marked _not yet_ are known, but this version takes only their default.

This page is printed from the schema by \`deno task docs\`; do not edit it.
`;

/** The text of `docs/config.md`, before formatting. */
export function configMarkdown(): string {
  const sections = [...SECTIONS].map(([section, purpose]) => {
    const header = TABLES.has(section) ? `[[${section}]]` : `[${section}]`;
    const entries = keysOf(section).map(markdownEntry).join("");
    return `## \`${header}\`\n\n${purpose}\n\n${entries}`;
  });
  return [MARKDOWN_HEAD, ...sections].join("\n");
}

function markdownEntry([key, row]: [key: string, row: Key]): string {
  const name = key.slice(sectionOf(key).length + 1);
  const facts = [
    `_Default:_ ${
      row.default === undefined
        ? describeDefault(row)
        : `\`${JSON.stringify(row.default)}\``
    }`,
    `_type:_ ${describeType(row)}`,
  ];
  if (row.later !== undefined) {
    facts.push(`_not yet:_ ${row.later.map(quote).join(", ")}`);
  }
  if (row.option !== undefined) facts.push(`_option:_ \`${row.option}\``);
  return `- **\`${name}\`**${
    row.notYet ? " (_not yet_)" : ""
  }: ${row.meaning} ${facts.join("; ")}.\n`;
}

/** The text of config.ts, before formatting: the types that programs see, with the table's words as their documentation. */
export function configTypes(): string {
  return `/**
 * The types of a configuration: as it is used, and as a program gives it.
 *
 * Printed from the table in schema.ts by \`deno task docs\`; do not edit.
 *
 * @module
 */
import type { ListenAddress } from "../address.ts";
import type { RelayEntry } from "../policy/relay_table.ts";
import type { RelayAddress } from "./address.ts";
import type { TlsVersions } from "./tls_versions.ts";

/** A complete, checked configuration: the file's own names, sizes in bytes, durations in milliseconds, addresses parsed. */
export interface Config {
${printSections("config")}}

/** A configuration as a program gives it: the file's own names and values, whatever is absent by default. */
export interface ConfigInput {
${printSections("input")}}
${printTables("config")}${printTables("input")}`;
}

type Side = "config" | "input";

function printSections(side: Side): string {
  const optional = side === "input" ? "?" : "";
  return [...SECTIONS].map(([section, purpose]) => {
    const type = TABLES.has(section)
      ? `readonly ${tableType(section, side)}[]`
      : `{\n${printKeys(section, side)}}`;
    return keysOf(section).every(([, row]) => row.notYet)
      ? ""
      : `/** ${purpose} */\nreadonly ${section}${optional}: ${type};\n`;
  }).join("");
}

function printTables(side: Side): string {
  return [...TABLES].map((section) =>
    `\n/** One \`[[${section}]]\`${
      side === "input" ? " as a program gives it" : ""
    }. */\nexport interface ${tableType(section, side)} {\n${
      printKeys(section, side)
    }}\n`
  ).join("");
}

/** `ListenerConfig` or `ListenerInput`. */
function tableType(section: string, side: Side): string {
  const name = section.replace(/^./, (first) => first.toUpperCase());
  return `${name}${side === "input" ? "Input" : "Config"}`;
}

function printKeys(section: string, side: Side): string {
  return keysOf(section).filter(([, row]) => !row.notYet).map(([key, row]) => {
    const optional = side === "input" && !row.required ? "?" : "";
    const name = key.slice(section.length + 1);
    const note = row.required
      ? ""
      : ` *\n * @default ${describeDefault(row)}\n`;
    return `/**\n * ${row.meaning}${unitOf(row, side)}\n${note} */\n` +
      `readonly ${name}${optional}: ${typeText(row, side)};\n`;
  }).join("\n");
}

function unitOf(row: Key, side: Side): string {
  if (side === "input") return "";
  return row.type === "size"
    ? " In bytes."
    : row.type === "duration"
    ? " In milliseconds."
    : "";
}

function typeText(row: Key, side: Side): string {
  const type = row.choices?.map(quote).join(" | ") ??
    VALUE_TYPES[row.type].types[side === "config" ? 0 : 1];
  if (row.list) {
    // With line ends as the formatter leaves them: it takes two rounds to make them.
    return `readonly ${row.choices === undefined ? type : `(\n${type}\n)`}[]`;
  }
  return row.leftOpen && side === "config" ? `${type} | undefined` : type;
}

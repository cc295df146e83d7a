/**
 * Prints a configuration as TOML: every key that this version has, defaults too, secrets as dots. A key that was left open
 * stays so: a comment says what its default depends on.
 *
 * @module
 */
import type { Config } from "./config.ts";
import { keysOf, rowOf, SECTIONS, TABLES } from "./schema.ts";
import { VALUE_TYPES } from "./value.ts";

export { explainConfig } from "./document.ts";

/**
 * Prints the whole configuration so that the loader reads the same from it, passwords in the relay's URL excepted.
 *
 * @param config What to print.
 * @returns TOML text, with a line end at its end.
 */
export function printConfig(config: Config): string {
  const sections: string[] = [];
  for (const section of SECTIONS.keys()) {
    if (TABLES.has(section)) {
      const { length } = valueAt(config, section) as unknown[];
      for (let i = 0; i < length; i++) {
        const lines = printKeys(config, section, `${section}[${i}]`);
        sections.push(`[[${section}]]\n${lines}`);
      }
      continue;
    }
    const lines = printKeys(config, section, section);
    if (lines !== "") sections.push(`[${section}]\n${lines}`);
  }
  return sections.join("\n");
}

/** The lines of a section, or of one table of it, whose full name is `path`. */
function printKeys(config: Config, section: string, path: string): string {
  return keysOf(section).filter(([, row]) => !row.notYet).map(([key, row]) => {
    const name = key.slice(section.length + 1);
    return shownValue(config, `${path}.${name}`) === undefined && row.leftOpen
      ? `# ${name}: ${row.computed}\n`
      : `${name} = ${formatKey(config, `${path}.${name}`)}\n`;
  }).join("");
}

/**
 * Prints the value of one key.
 *
 * @param config What it is taken from.
 * @param key Its full name, in a table with the index: `listener[0].url`.
 * @returns A TOML value; passwords as dots.
 */
export function formatKey(config: Config, key: string): string {
  const row = rowOf(key)!;
  const { format } = VALUE_TYPES[row.type];
  const value = shownValue(config, key);
  return row.list
    ? `[${(value as unknown[]).map(format).join(", ")}]`
    : format(value);
}

/** The value of a key; a relay whose password has a file of its own goes without it, so that the file is read again. */
function shownValue(config: Config, key: string): unknown {
  const { url, password_file } = config.relay;
  if (key === "relay.url" && url?.transport === "tcp" && password_file !== "") {
    const { password: _, ...rest } = url;
    return rest;
  }
  return valueAt(config, key);
}

function valueAt(config: Config, key: string): unknown {
  return key.replace("]", "").split(/[.[]/).reduce<unknown>(
    (table, name) => (table as Record<string, unknown>)[name],
    config,
  );
}

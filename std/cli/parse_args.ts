/**
 * Stand-in for `@std/cli/parse-args` over npm's minimist, which the real one
 * grew out of. `unknown` hears no value here, and a negatable option takes no
 * `--no-NAME=VALUE`; dotted names are left out of the types.
 */
// @ts-types="@types/minimist"
import minimist from "minimist";

/** One name or several. */
type Names<T extends string> = T | readonly T[];

/** What {@linkcode parseArgs} is told about the options. */
export interface ParseOptions<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  DD extends boolean = false,
> {
  /** Put what follows `--` under `"--"` instead of into `_`. */
  "--"?: DD;
  /** Other names of an option. */
  alias?: Record<string, string | readonly string[]>;
  /** Options without a value; false when absent. */
  boolean?: Names<B>;
  /** Options that may be given several times; `[]` when absent. */
  collect?: Names<C>;
  /** Values of absent options. */
  default?: D;
  /** Options that `--no-NAME` makes false. */
  negatable?: Names<N>;
  /** Everything after the first argument that is no option goes into `_`. */
  stopEarly?: boolean;
  /** Options whose value stays text; `"_"` for the arguments themselves. */
  string?: Names<S>;
  /**
   * Hears of each option not declared and of each other argument (then without
   * a key); false keeps it out of the result.
   */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What {@linkcode parseArgs} returns. */
export type Args<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  DD extends boolean = false,
> =
  & Record<string, unknown>
  & { [K in Exclude<B, C | keyof D>]: boolean }
  & { [K in Extract<B, C>]: boolean[] }
  & {
    [K in Exclude<S, C | keyof D | "_">]?: K extends N ? string | false
      : string;
  }
  & { [K in Extract<S, C>]: string[] }
  & { [K in Exclude<C, B | S>]: unknown[] }
  & {
    [K in keyof D & (B | S) as Exclude<K, C>]:
      | D[K]
      | (K extends B ? boolean : K extends N ? string | false : string);
  }
  & { _: (string | number)[] }
  & (DD extends true ? { "--": string[] } : Record<never, never>);

function list(names: string | readonly string[] | undefined): string[] {
  return names === undefined ? [] : [names].flat();
}

/** Takes command line arguments apart. */
export function parseArgs<
  const B extends string = never,
  const S extends string = never,
  const C extends string = never,
  const N extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  DD extends boolean = false,
>(
  args: string[],
  options: ParseOptions<B, S, C, N, D, DD> = {},
): Args<B, S, C, N, D, DD> {
  const { alias = {}, default: defaults = {}, unknown } = options;
  const withAliases = (names: string | readonly string[] | undefined) =>
    new Set(
      list(names).flatMap((name) =>
        [[name], ...Object.entries(alias).map(([k, v]) => [k, ...list(v)])]
          .filter((group) => group.includes(name)).flat()
      ),
    );
  const collected = withAliases(options.collect);
  const negatable = withAliases(options.negatable);

  // minimist negates any option; "=" makes "no-x" an option of its own.
  const end = args.indexOf("--");
  const undone = new Map<string, string>();
  const readable = args.map((arg, index) => {
    const name = /^--no-([^=]+)$/s.exec(arg)?.[1];
    if (name === undefined || negatable.has(name)) return arg;
    if (end !== -1 && index > end) return arg;
    undone.set(`${arg}=true`, arg);
    return `${arg}=true`;
  });

  const parsed = minimist(readable, {
    "--": options["--"] ?? false,
    alias: Object.fromEntries(
      Object.entries(alias).map(([name, others]) => [name, list(others)]),
    ),
    boolean: list(options.boolean),
    default: defaults,
    stopEarly: options.stopEarly ?? false,
    string: list(options.string),
    ...(unknown && {
      unknown(given: string): boolean {
        const arg = undone.get(given) ?? given;
        const key = /^--?([^=-][^=]*)/s.exec(arg)?.[1];
        return (key === undefined ? unknown(arg) : unknown(arg, key)) !== false;
      },
    }),
  });

  parsed._ = parsed._.map((arg) => undone.get(arg) ?? arg);

  // minimist collects every option that is repeated; here the last one counts.
  for (const [name, value] of Object.entries(parsed)) {
    if (
      name === "_" || name === "--" ||
      Object.is(value, Reflect.get(defaults, name))
    ) continue;
    if (collected.has(name)) parsed[name] = [value].flat();
    else if (Array.isArray(value)) parsed[name] = value.at(-1);
  }
  const typed = withAliases([
    ...list(options.boolean),
    ...list(options.string),
  ]);
  for (const name of collected) {
    if (typed.has(name) && !list(parsed[name]).length) parsed[name] = [];
  }
  return parsed as unknown as Args<B, S, C, N, D, DD>;
}

/**
 * What the rooms of `lib/` may import and do, and a checker of it.
 *
 * It reads the syntax tree (through Deno's own linter), so that what stands in
 * a comment or a string, or is a property's name, is nobody's offence. Type
 * imports count like others. What a name hides behind (`globalThis["De" +
 * "no"]`) it does not find.
 *
 * @module
 */

/** Which rooms each room of `lib/` may import, beside itself. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  address: [],
  secret: [],
  engine: [],
  message: [],
  transport: ["address", "secret"],
  log: ["secret"],
  policy: ["engine"],
  config: ["address", "engine", "policy", "secret"],
  transcript: ["engine"],
  record: ["transcript", "engine", "transport", "log", "secret", "address"],
  hop: ["engine"],
  sasl: ["engine", "secret"],
  hooks: ["engine", "message", "policy"],
  auth: ["sasl", "hooks", "engine", "secret"],
  scanners: ["engine", "message", "transport", "secret"],
  relay: [
    ...["address", "engine", "hop", "transport", "log", "secret", "record"],
    "sasl",
  ],
  delivery: ["engine", "hop", "message"],
  local_hop: ["delivery", "engine", "hop", "log"],
  transaction: ["engine", "hop", "message"],
  wire: ["engine", "transport"],
  client: ["engine", "hop"],
  session_end: [],
  session_log: ["engine", "log", "transaction"],
  login: ["client", "engine", "log", "sasl", "session_log"],
  trace: ["client", "message"],
  session_settings: [
    ...["client", "engine", "hop", "log", "login", "policy", "transport"],
    "wire",
  ],
  session: [
    ...["client", "engine", "hop", "log", "login", "policy", "scanners"],
    ...["session_end", "session_log", "session_settings", "trace"],
    ...["transaction", "transport", "wire"],
  ],
  recorded_setup: ["config", "policy"],
  networks: ["policy", "transport", "log"],
  listener: ["address", "config", "log", "networks", "policy"],
  offer: ["engine", "relay"],
  relays: [
    ...["config", "hop", "log", "policy", "record", "relay", "sasl", "secret"],
    "transport",
  ],
  access: [
    ...["auth", "client", "config", "engine", "hooks", "log", "login"],
    ...["policy", "transport"],
  ],
  runtime: [
    ...["access", "client", "config", "delivery", "engine", "hop", "listener"],
    ...["local_hop", "log", "networks", "offer", "policy", "record"],
    ...["recorded_setup", "relay", "relays", "session_settings", "transport"],
  ],
  reception: [
    ...["client", "config", "engine", "listener", "policy", "record"],
    ...["runtime", "session", "transport", "log"],
  ],
  server: [
    ...["address", "config", "listener", "policy", "reception", "record"],
    ...["runtime", "session", "transport", "log"],
  ],
  machine: ["config"],
  serve: ["server", "machine", "policy", "config", "log", "address", "hooks"],
  control: [
    ...["server", "relay", "policy", "message", "scanners", "log", "secret"],
  ],
  send: [
    ...["relays", "machine", "relay", "engine", "transport", "config", "log"],
    "address",
  ],
  replay: [
    ...["transcript", "session", "runtime", "hop", "relay", "secret", "client"],
    ...["sasl", "auth", "hooks"],
    ...["engine", "transport", "config", "log"],
  ],
  live: [
    ...["replay", "transcript", "engine", "transport", "address", "secret"],
  ],
  mutation: ["replay", "transcript", "engine", "config"],
  suite: [
    ...["replay", "live", "mutation", "transcript", "record", "engine"],
    ...["config", "address", "secret"],
  ],
  cli: [
    ...["server", "send", "runtime", "machine", "engine", "transport"],
    ...["config", "log", "address", "record", "replay", "live", "suite"],
    ...["auth", "secret"],
  ],
};

/** Rooms that only compute. */
const PURE_ROOMS = ["engine", "message", "policy"];

/** The room that opens sockets. */
const SOCKET_ROOM = "transport";

/** Lines of a file, at most: one that is longer usually holds two. */
export const MAX_LINES = 350;

/** Files printed from a table, which no one reads through. */
const PRINTED = new Set(["lib/config/config.ts"]);

/** Names that a pure room does not use: the world, time, and waiting. */
const IMPURE_NAMES = new Set([
  ...["Deno", "globalThis", "process", "fetch", "console", "performance"],
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
  ...["Promise", "PromiseLike", "Temporal", "WebSocket", "Worker"],
]);

/** Parts of Node's library that compute and nothing else. */
const PURE_NODE = new Set(["node:buffer", "node:crypto", "node:url"]);

/** Modules that open sockets. */
const SOCKET_MODULES = new Set([
  ...["node:net", "node:tls", "node:dgram", "node:dns", "node:dns/promises"],
  ...["node:http", "node:http2", "node:https"],
]);

/** Names in those modules that open none. */
const ADDRESS_NAMES = new Set(["isIP", "isIPv4", "isIPv6"]);

/** Members of `Deno` that open sockets; as types they are harmless. */
const SOCKET_CALLS =
  /^(connect|listen|startTls|serve|resolveDns|createHttpClient)/;

/** What one file imports from, and what it must not do. */
export interface Reading {
  /** Specifiers, as written. */
  readonly imports: readonly string[];
  readonly offences: readonly string[];
}

/** The room of a path below `lib/`: its folder or its own name. */
export function roomOf(path: string): string {
  return path.split("/")[1]!.replace(/\.ts$/, "");
}

/** The parents under which an identifier is a name of its own, not a value. */
function isOnlyName(node: Deno.lint.Identifier): boolean {
  const parent = node.parent as unknown as Record<string, unknown>;
  const range = node.range.join();
  const is = (part: unknown) =>
    (part as { range?: number[] } | undefined)?.range?.join() === range;
  switch (parent["type"]) {
    case "MemberExpression":
      return is(parent["property"]) && parent["computed"] !== true;
    case "TSQualifiedName":
      return is(parent["right"]);
    case "Property":
      return is(parent["key"]) && !is(parent["value"]) &&
        parent["computed"] !== true;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSAbstractMethodDefinition":
    case "TSAbstractPropertyDefinition":
    case "TSMethodSignature":
    case "TSPropertySignature":
      return is(parent["key"]) && parent["computed"] !== true;
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return true;
    default:
      return false;
  }
}

/** Reads the source of one file below `lib/`. */
export function read(path: string, source: string): Reading {
  const room = roomOf(path);
  const pure = PURE_ROOMS.includes(room);
  const imports: string[] = [];
  const offences: string[] = [];

  const offend = (node: { range: [number, number] }, what: string) => {
    const line = source.slice(0, node.range[0]).split("\n").length;
    offences.push(`${path}:${line}: ${what}`);
  };
  const takeImport = (
    node: { range: [number, number] },
    specifier: string,
    names?: readonly string[],
  ) => {
    imports.push(specifier);
    if (/^(jsr|npm|https?|file):/.test(specifier)) {
      offend(node, `"${specifier}" is no name in deno.json`);
    }
    const harmless = names?.length && names.every((n) => ADDRESS_NAMES.has(n));
    if (
      SOCKET_MODULES.has(specifier) && room !== SOCKET_ROOM && !harmless
    ) {
      offend(node, `"${specifier}" outside of ${SOCKET_ROOM}/`);
    } else if (
      pure && specifier.startsWith("node:") && !PURE_NODE.has(specifier) &&
      !harmless
    ) {
      offend(node, `"${specifier}" in ${room}/`);
    }
  };
  const takeFunction = (node: { range: [number, number]; async: boolean }) => {
    if (pure && node.async) offend(node, `"async" in ${room}/`);
  };

  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration(node) {
      const names = node.specifiers.map((specifier) =>
        specifier.type === "ImportSpecifier" &&
          specifier.imported.type === "Identifier"
          ? specifier.imported.name
          : "*"
      );
      takeImport(node, node.source.value, names);
    },
    ExportNamedDeclaration(node) {
      if (node.source) takeImport(node, node.source.value);
    },
    ExportAllDeclaration(node) {
      takeImport(node, node.source.value);
    },
    TSImportType(node) {
      const { literal } = node.argument as unknown as {
        literal: { value: string };
      };
      takeImport(node, literal.value);
    },
    ImportExpression(node) {
      if (pure) offend(node, `"import()" in ${room}/`);
      if (node.source.type === "Literal") {
        takeImport(node, String(node.source.value));
      }
    },
    FunctionDeclaration: takeFunction,
    FunctionExpression: takeFunction,
    ArrowFunctionExpression: takeFunction,
    AwaitExpression(node) {
      if (pure) offend(node, `"await" in ${room}/`);
    },
    ForOfStatement(node) {
      if (pure && node.await) offend(node, `"for await" in ${room}/`);
    },
    NewExpression(node) {
      if (
        pure && node.callee.type === "Identifier" &&
        node.callee.name === "Date" && node.arguments.length === 0
      ) offend(node, `"new Date()" in ${room}/`);
    },
    CallExpression(node) {
      if (
        pure && node.callee.type === "Identifier" && node.callee.name === "Date"
      ) offend(node, `"Date()" in ${room}/`);
    },
    MemberExpression(node) {
      const { object, property } = node;
      if (object.type !== "Identifier") return;
      const member = property.type === "Identifier" && !node.computed
        ? property.name
        : property.type === "Literal"
        ? String(property.value)
        : "?";
      const name = `${object.name}.${member}`;
      if (pure && ["Date.now", "AbortSignal.timeout"].includes(name)) {
        offend(node, `"${name}" in ${room}/`);
      }
      if (
        object.name === "Deno" && SOCKET_CALLS.test(member) &&
        room !== SOCKET_ROOM
      ) offend(node, `"${name}" outside of ${SOCKET_ROOM}/`);
    },
    VariableDeclarator(node) {
      const init = node.init;
      if (
        init?.type === "Identifier" && init.name === "Deno" &&
        room !== SOCKET_ROOM
      ) offend(node, `"Deno" taken apart outside of ${SOCKET_ROOM}/`);
    },
    Identifier(node) {
      if (pure && IMPURE_NAMES.has(node.name) && !isOnlyName(node)) {
        offend(node, `"${node.name}" in ${room}/`);
      }
    },
  };
  const plugin: Deno.lint.Plugin = {
    name: "postern",
    rules: { rooms: { create: () => visitor } },
  };
  Deno.lint.runPlugin(plugin, path, source);

  if (!/^\s*\/[/*]/.test(source)) {
    offences.push(`${path}:1: no comment at the top`);
  }
  const lines = source.trimEnd().split("\n").length;
  if (lines > MAX_LINES && !PRINTED.has(path)) {
    offences.push(`${path}:${MAX_LINES}: ${lines} lines`);
  }
  return { imports, offences: [...new Set(offences)] };
}

/** The path that a relative specifier means, from the file at `path`. */
function resolvePath(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

/** The first cycle of imports, as the files on the way round, or none. */
function findCycle(
  graph: ReadonlyMap<string, readonly string[]>,
): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of graph.get(path) ?? []) {
      const cycle = visit(next, [...way, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of graph.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/**
 * Checks the files below `lib/`, given as path and source, and names each
 * offence with its place.
 */
export function check(files: Readonly<Record<string, string>>): string[] {
  const offences: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, source] of Object.entries(files)) {
    const reading = read(path, source);
    offences.push(...reading.offences);
    const room = roomOf(path);
    const allowed = ROOMS[room];
    if (allowed === undefined) {
      offences.push(`${path}:1: no room "${room}" in the table`);
    }
    const targets: string[] = [];
    for (const specifier of reading.imports) {
      if (!specifier.startsWith(".")) continue;
      const target = resolvePath(path, specifier);
      targets.push(target);
      if (!target.startsWith("lib/")) {
        offences.push(`${path}: imports ${target}, outside of lib/`);
        continue;
      }
      const other = roomOf(target);
      if (other !== room && !allowed?.includes(other)) {
        offences.push(`${path}: imports ${target}, not open to ${room}`);
      }
    }
    graph.set(path, targets);
  }
  const cycle = findCycle(graph);
  if (cycle) offences.push(`cycle: ${cycle.join(" -> ")}`);
  return offences;
}

// The changes that script/mutants.mjs makes, found in solc's syntax tree. A mutant is
// {path, line, start, end, before, after}: bytes start..end of the file become `after`.

const OPERATORS = {
  "+": "-", "-": "+", "*": "/", "/": "*", "%": "*",
  "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
  "&&": "||", "||": "&&", "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<",
  "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "<<=": ">>=", ">>=": "<<=",
  "++": "--", "--": "++",
};

const INSTRUCTIONS = {
  add: "sub", sub: "add", mul: "add", div: "mul", mod: "div",
  lt: "gt", gt: "lt", slt: "sgt", sgt: "slt", eq: "lt",
  and: "or", or: "and", xor: "or", shl: "shr", shr: "shl", not: "iszero", iszero: "not",
  mstore: "mstore8",
};

/** Where a node stands: solc writes "start:length:file", in bytes. */
function span({ src }) {
  const [start, length] = src.split(":").map(Number);
  return { start, end: start + length };
}

/** What lies between two neighbours, without the blanks around it. */
function between(source, left, right) {
  const { end } = span(left);
  const text = source.subarray(end, span(right).start).toString();
  const start = end + text.length - text.trimStart().length;
  return { start, end: start + text.trim().length };
}

function swapBetween(node, left, right, source) {
  const place = between(source, left, right);
  const after = OPERATORS[node.operator];
  // Brackets or comments beside the operator: too rare to handle.
  const exact = source.subarray(place.start, place.end).toString() === node.operator;
  return after && exact ? [{ ...place, after }] : [];
}

function text(source, node) {
  const { start, end } = span(node);
  return source.subarray(start, end).toString();
}

function emptied(node) {
  return [{ ...span(node), after: "{ }" }];
}

function negated(node, source) {
  return [{ ...span(node), after: `!(${text(source, node)})` }];
}

/** One entry a kind of node: (node, source) => changes. */
const MUTATORS = {
  BinaryOperation: (node, source) =>
    swapBetween(node, node.leftExpression, node.rightExpression, source),
  Assignment: (node, source) =>
    node.operator === "=" ? [] : swapBetween(node, node.leftHandSide, node.rightHandSide, source),
  UnaryOperation(node, source) {
    const whole = text(source, node);
    const after = OPERATORS[node.operator];
    if (node.operator === "!") return [{ ...span(node), after: whole.slice(1) }];
    if (!after || node.operator === "-") return [];
    return [{ ...span(node), after: whole.replace(node.operator, after) }];
  },
  Literal: (node, source) =>
    node.kind === "number" && !node.subdenomination
      ? [{ ...span(node), after: `(${text(source, node)} + 1)` }]
      : [],
  // A check that is not made.
  FunctionCall: (node) =>
    node.expression.name === "require" ? [{ ...span(node.arguments[0]), after: "true" }] : [],
  IfStatement: (node, source) => negated(node.condition, source),
  Conditional: (node, source) => negated(node.condition, source),
  // Without their semicolon, which then ends an empty statement that Solidity does not know.
  ExpressionStatement: (node, source) =>
    node.expression.expression?.name === "require" ? [] : emptied(withSemicolon(node, source)),
  EmitStatement: (node, source) => emptied(withSemicolon(node, source)),
  RevertStatement: (node, source) => emptied(withSemicolon(node, source)),
  YulFunctionCall(node) {
    const after = INSTRUCTIONS[node.functionName.name];
    return after ? [{ ...span(node.functionName), after }] : [];
  },
  YulExpressionStatement: (node) => emptied(node),
  YulAssignment: (node) => emptied(node),
  YulIf: (node, source) =>
    [{ ...span(node.condition), after: `iszero(${text(source, node.condition)})` }],
  YulLiteral: (node, source) =>
    node.kind === "number" ? [{ ...span(node), after: `add(${text(source, node)}, 1)` }] : [],
};

function withSemicolon(node, source) {
  const { start, end } = span(node);
  const length = source[end] === ";".charCodeAt(0) ? end - start + 1 : end - start;
  return { src: `${start}:${length}:0` };
}

/** All nodes of a tree; inline assembly has its own kinds, whose names begin with Yul. */
function* nodes(value) {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodes(item);
  } else if (value !== null && typeof value === "object") {
    if (typeof value.nodeType === "string") yield value;
    for (const child of Object.values(value)) yield* nodes(child);
  }
}

function lineOf(source, offset) {
  return source.subarray(0, offset).toString().split("\n").length;
}

/** Every mutant of a file, in the order of the text. */
export function mutantsOf(path, tree, source) {
  const found = [...nodes(tree)].flatMap((node) => MUTATORS[node.nodeType]?.(node, source) ?? []);
  const sorted = found.sort((a, b) => a.start - b.start || a.end - b.end);
  return sorted.map(({ start, end, after }) => {
    const before = source.subarray(start, end).toString();
    return { path, line: lineOf(source, start), start, end, before, after };
  });
}

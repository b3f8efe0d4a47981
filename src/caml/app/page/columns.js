// Which column of a table is likely what, by their names.

const UNIT = new RegExp("(?:[[(]\\s*|[\\s_])(nm|nanomet(?:er|re)s?|[uµμ]m|microns?|micromet(?:er|re)s?"
  + "|px|pix|pixels?)\\s*[\\])]?\\s*$", "i");
// What is told of positions, and is none.
const NO_POSITION = new RegExp("^(index|id|frames?|slice|number|precision|uncertainty|accuracy"
  + "|errors?|variance|std|sigma|width|drift|tilt|velocity|background|channel|photons?)$");
const OTHER = {
  frame: [/^frame/, /^(number|missing|last|count|total|spanned)$/],
  channel: [/^channel/, /^number$/],
  uncertainty: [/^(precision|uncertainty|accuracy)$/, /^(z|axial)$/],
};

// The unit that a name says, of those that can be chosen.
export function unitOf(name) {
  const said = UNIT.exec(name ?? "")?.[1].toLowerCase();
  return said && ({ n: "nm", p: "px" }[said[0]] ?? "um");
}

// The column of a role; -1 where no name says so: a wrong one is worse than none.
export function likely(role, names) {
  const [is, isNot] = OTHER[role]
    ?? [new RegExp(`^(pos(ition)?)?${role}(c|pos(ition)?|coord|coordinate|nm|um|µm|px)?$`), NO_POSITION];
  return names.findIndex((name) => {
    const words = name.replace(UNIT, "").toLowerCase().split(/[^\p{L}\d]+/u);
    return words.some((one) => is.test(one)) && !words.some((one) => isNot.test(one));
  });
}
